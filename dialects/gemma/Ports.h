//===- Ports.h - what the arguments and results of a function are to its callers
//--------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_PORTS_H
#define GEMMAC_DIALECTS_GEMMA_PORTS_H

#include "llvm/ADT/StringRef.h"

namespace gemmac::gemma {

/// On an argument or a result of a function that callers run: the name of the array that it is to them.
inline constexpr llvm::StringLiteral kPortAttr = "gemma.port";
/// On such a function: the most tokens of a call where that is fewer than the module's `gemma.max_tokens`.
inline constexpr llvm::StringLiteral kTokensAttr = "gemma.tokens";

} // namespace gemmac::gemma

#endif
