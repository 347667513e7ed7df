//===- Ports.h - names of arguments and results for callers ---------------------------------------------===//
// Attributes of functions that become entries of a plan.

#ifndef GEMMAC_DIALECTS_GEMMA_PORTS_H
#define GEMMAC_DIALECTS_GEMMA_PORTS_H

#include "llvm/ADT/StringRef.h"

namespace gemmac::gemma {

/// On an argument or a result of a function that callers run: the name of the caller's array.
inline constexpr llvm::StringLiteral kPortAttr = "gemma.port";
/// On such a function: the maximum tokens of a call, if below the module's `gemma.max_tokens`.
inline constexpr llvm::StringLiteral kTokensAttr = "gemma.tokens";

} // namespace gemmac::gemma

#endif
