//===- Layer.h - which layer of the model an op belongs to ----------------------------------------------===//

#ifndef GEMMAC_PASSES_LAYER_H
#define GEMMAC_PASSES_LAYER_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"

namespace gemmac {

inline constexpr llvm::StringLiteral kLayerAttr = "gemma.layer";
/// Set on the cache of a layer with a window.
inline constexpr llvm::StringLiteral kSlidingAttr = "gemma.sliding";

/// Marks `created`, an op that replaces `source`, as part of the same layer.
template <typename Op>
Op inLayerOf(mlir::Operation *source, Op created) {
  if (mlir::Attribute layer = source->getDiscardableAttr(kLayerAttr))
    created->setDiscardableAttr(kLayerAttr, layer);
  return created;
}

} // namespace gemmac

#endif
