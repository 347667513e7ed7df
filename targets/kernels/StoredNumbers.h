//===- StoredNumbers.h - numbers of quantized schemes as expressions over their planes ------------------===//

#ifndef GEMMAC_TARGETS_KERNELS_STOREDNUMBERS_H
#define GEMMAC_TARGETS_KERNELS_STOREDNUMBERS_H

#include "targets/kernels/Expressions.h"

namespace gemmac {

/// Where a kernel finds the planes of a weight. `byte` counts the bytes of a four: 0 … bits - 1.
struct StoredPlanes {
  /// A byte of the numbers' plane (0) or of their high bits' (1).
  std::function<Halide::Expr(int plane, Halide::Expr byte)> bytes;
  /// A constant mask for `and`.
  std::function<Halide::Expr(int mask)> mask = [](int mask) -> Halide::Expr {
    return Halide::cast<uint8_t>(mask);
  };
};

/// The stored number with its bias (q8_0: the int8's bits), as uint8, of four `half` * 4 + g of a unit: half
/// is 0 or 1, g 0 … 3.
Halide::Expr storedNumber(const SchemeRow &scheme, const StoredPlanes &planes, const Halide::Expr &half,
                          const Halide::Expr &g);

/// What the stored number stands for, as int8.
Halide::Expr storedValue(const SchemeRow &scheme, const Halide::Expr &number);

} // namespace gemmac

#endif
