//===- Shapes.h - counting the numbers of a tensor's inner axes -----------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_SHAPES_H
#define GEMMAC_DIALECTS_GEMMA_SHAPES_H

#include "mlir/IR/BuiltinTypes.h"

namespace gemmac::gemma {

/// The product of the sizes of all axes from `axis` on. With axis 1: the numbers of one token. Empty if a
/// size is not constant or the product overflows.
inline std::optional<int64_t> numbersFromAxis(mlir::RankedTensorType type, int64_t axis) {
  int64_t numbers = 1;
  for (int64_t size : type.getShape().drop_front(std::min(axis, type.getRank())))
    if (mlir::ShapedType::isDynamic(size) || __builtin_mul_overflow(numbers, size, &numbers))
      return {};
  return numbers;
}

} // namespace gemmac::gemma

#endif
