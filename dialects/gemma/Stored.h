//===- Stored.h - how the checkpoint and the device store a weight --------------------------------------===//
// Names of discardable attributes.

#ifndef GEMMAC_DIALECTS_GEMMA_STORED_H
#define GEMMAC_DIALECTS_GEMMA_STORED_H

#include "llvm/ADT/StringRef.h"

namespace gemmac::gemma {

/// A discardable attribute of `gemma.weight`: the file's scheme of each of its sources, in lower case as the
/// file format spells it: `["q4_k", "q6_k"]`.
inline constexpr llvm::StringLiteral kStoredAttr = "gemma.stored";

/// A discardable attribute of `gemma.weight`, set when kernels are selected: the layout of its planes.
inline constexpr llvm::StringLiteral kLayoutAttr = "gemma.layout";

} // namespace gemmac::gemma

#endif
