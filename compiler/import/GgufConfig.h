//===- GgufConfig.h - what a GGUF file says about its model ---------------------------------------------===//
// The same facts as config.json and generation_config.json hold, under the keys that llama.cpp gave them,
// some of them only in the tensors: the vocabulary's size, K = V layers, an untied head, how much of a head
// turns.

#ifndef GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H
#define GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H

#include "compiler/import/GenerationConfig.h"
#include "compiler/import/Gguf.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// The model of a file of the architecture `gemma4` or `gemma3`. A key of the architecture that nobody knows
/// is an error, since it might change what is computed; keys of towers are left alone.
llvm::Expected<ModelConfig> readGgufConfig(const GgufFile &file);

/// How the file wants its text to be sampled, and what ends it: the tokens that the file names for that, and
/// those of Gemma's own that the vocabulary has.
llvm::Expected<GenerationConfig> readGgufGeneration(const GgufFile &file, const ModelConfig &model);

/// The id under a key such as `tokenizer.ggml.bos_token_id`, if the file has it.
llvm::Expected<std::optional<int32_t>> readGgufTokenId(const GgufFile &file, llvm::StringRef key,
                                                       int64_t vocabulary);

} // namespace gemmac

#endif
