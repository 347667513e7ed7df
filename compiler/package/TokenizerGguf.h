//===- TokenizerGguf.h - reading the tokenizer of a GGUF file -------------------------------------------===//
//
// Gemma 4 (`tokenizer.ggml.model` gemma4) lists its merges. Gemma 3 (llama: SentencePiece) lists a score for
// each token instead: two neighbours whose texts make a token may merge, the token of highest score first, of
// equal ones the leftmost. So every split of a token into two tokens is a merge, and its rank is that of the
// token: the same tables serve both, and give the ids that llama.cpp gives for UTF-8. The order of the splits
// of one token does not matter, since only one of them is ever used: the two neighbours were built by the
// same merges as the token's text encoded alone, and that always ends in the same two symbols.
//
// Tokens of the types unknown, control and user-defined are found in the text before merging begins.
// llama.cpp looks for the longest first, the tables for the leftmost first: these differ only where two
// tokens can overlap in a text, as none of a Gemma's can, runs of one character aside, for which both are the
// same.

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENIZERGGUF_H
#define GEMMAC_COMPILER_PACKAGE_TOKENIZERGGUF_H

#include "compiler/import/Gguf.h"
#include "compiler/package/Tokenizer.h"

namespace gemmac {

/// An error names the file and the key.
llvm::Expected<Tokenizer> readTokenizerGguf(const GgufFile &file);

} // namespace gemmac

#endif
