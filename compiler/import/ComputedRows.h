//===- ComputedRows.h - numbers that are computed a row at a time ---------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_COMPUTEDROWS_H
#define GEMMAC_COMPILER_IMPORT_COMPUTEDROWS_H

#include "compiler/import/WeightSource.h"

namespace gemmac {

/// Any range of a matrix whose rows are computed whole.
class ComputedRows : public ComputedNumbers {
public:
  void read(int64_t first, std::span<float> out) const final;

protected:
  explicit ComputedRows(int64_t columns) : columns_(columns) {}
  virtual void computeRow(int64_t row, std::span<float> out) const = 0;

  const int64_t columns_;
};

} // namespace gemmac

#endif
