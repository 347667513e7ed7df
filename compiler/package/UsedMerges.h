//===- UsedMerges.h - the merges that a text can need ---------------------------------------------------===//
//
// A vocabulary lists a merge for every cut of a token into two tokens; texts need one of them. For two
// neighbours that may merge went through the same merges as their text does alone, from its characters on,
// and those are the same every time: they come to two symbols in one way. So a merge is used if its token's
// text, encoded alone, ends with it, and all others can be left out without changing any id. That halves
// Gemma's tables.

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
