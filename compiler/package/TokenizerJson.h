//===- TokenizerJson.h - reading a checkpoint's tokenizer -----------------------------------------------===//
//
// Reads `tokenizer.json` of Gemma's kind (spec 7.1): BPE over the whole text with byte fallback. Other kinds
// of tokenizers are refused, naming the field; every field that could change a token is checked.

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENIZERJSON_H
#define GEMMAC_COMPILER_PACKAGE_TOKENIZERJSON_H

#include "compiler/package/Tokenizer.h"

namespace gemmac {

/// Reads `tokenizer.json`, and `tokenizer_config.json` where there is one, of a checkpoint's directory. An
/// error names the file and the field.
llvm::Expected<Tokenizer> readTokenizerJson(const std::string &directory);

} // namespace gemmac

#endif
