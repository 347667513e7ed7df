//===- Layer.h - which layer of the model an op belongs to ----------------------------------------------===//

#ifndef GEMMAC_PASSES_LAYER_H
#define GEMMAC_PASSES_LAYER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"

namespace gemmac {

inline constexpr llvm::StringLiteral kLayerAttr = "gemma.layer";
/// On a cache: its layer has a window.
inline constexpr llvm::StringLiteral kSlidingAttr = "gemma.sliding";

/// The op that a pass created in place of `source` is in the same layer.
template <typename Op>
Op inLayerOf(mlir::Operation *source, Op created) {
  if (mlir::Attribute layer = source->getDiscardableAttr(kLayerAttr))
    created->setDiscardableAttr(kLayerAttr, layer);
  return created;
}

} // namespace gemmac

#endif
