//===- Stored.h - how the checkpoint and the device store a weight
//---------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_STORED_H
#define GEMMAC_DIALECTS_GEMMA_STORED_H

#include "llvm/ADT/StringRef.h"

namespace gemmac::gemma {

/// A discardable attribute of `gemma.weight`: for each of its sources the scheme of the file, as the format
/// of the file spells it in lower case: `["q4_k", "q6_k"]`.
inline constexpr llvm::StringLiteral kStoredAttr = "gemma.stored";

/// A discardable attribute of `gemma.weight` from the choice of kernels on: the layout of its planes.
inline constexpr llvm::StringLiteral kLayoutAttr = "gemma.layout";

} // namespace gemmac::gemma

#endif
