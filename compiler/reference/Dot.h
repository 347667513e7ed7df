//===- Dot.h - the sums behind linears and scores -------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_REFERENCE_DOT_H
#define GEMMAC_COMPILER_REFERENCE_DOT_H

#include "compiler/reference/Array.h"

namespace gemmac::reference {

/// sum over k of a[k] * b[k]. Products of float32 are exact in double; the order of the sum depends on n
/// alone.
double dot(const float *a, const float *b, int64_t n);

/// Rows of a matrix as linear reads them: `columns` numbers each, floats or blocks, whatever the shape.
class Rows {
public:
  Rows(const Array &array, int64_t columns);

  /// The product of row i with row j of the other matrix.
  float dot(int64_t i, const Rows &other, int64_t j) const;

private:
  const float *floats = nullptr;
  const Blocks *blocks = nullptr;
  int64_t columns;
};

} // namespace gemmac::reference

#endif
