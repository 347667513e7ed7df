//===- UsedMerges.h - the merges that a text can need ---------------------------------------------------===//
//
// A vocabulary lists a merge for every split of a token into two tokens, but encoding uses only one of them:
// the two neighbours were built by the same merges as the token's text encoded alone, and that always ends in
// the same two symbols. So a merge is used if its token's text, encoded alone, ends with it, and all others
// can be left out without changing any id. That halves Gemma's tables.

#ifndef GEMMAC_COMPILER_PACKAGE_USEDMERGES_H
#define GEMMAC_COMPILER_PACKAGE_USEDMERGES_H

#include "compiler/package/Tokenizer.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace gemmac {

/// In their order. `ofCharacter` gives a character's token, or kNoToken.
std::vector<Tokenizer::Merge> usedMerges(const Tokenizer &tokenizer,
                                         llvm::function_ref<uint32_t(uint32_t)> ofCharacter);

} // namespace gemmac

#endif
