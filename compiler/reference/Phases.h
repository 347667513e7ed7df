//===- Phases.h - a sequence through a model, in every cut that it knows --------------------------------===//

#ifndef GEMMAC_COMPILER_REFERENCE_PHASES_H
#define GEMMAC_COMPILER_REFERENCE_PHASES_H

#include "compiler/reference/Runner.h"

namespace gemmac::reference {

/// The results of a call, for a function that has exactly one.
llvm::Expected<Array> callForOne(Runner &runner, llvm::StringRef function, llvm::ArrayRef<int32_t> ids,
                                 int64_t position = 0);

/// Logits (tokens, vocabulary) of every position, from empty caches. `@score(ids, position)`, or `@forward`
/// if it takes a position, runs on pieces of at most `chunk` tokens; a `@forward(ids)` sees them all at once.
llvm::Expected<Array> score(Runner &runner, llvm::ArrayRef<int32_t> ids, int64_t chunk);

/// Logits (tokens - first, vocabulary) of the positions from `first` on: `@prefill` on pieces of at most
/// `chunk` tokens before it, then `@decode` token by token, from empty caches.
llvm::Expected<Array> prefillAndDecode(Runner &runner, llvm::ArrayRef<int32_t> ids, size_t first,
                                       int64_t chunk);

/// The largest |a - b|; infinity where the shapes differ, or where only one is not a number.
float largestDifference(const Array &a, const Array &b);

} // namespace gemmac::reference

#endif
