//===- GgufConfig.h - what a GGUF file says about its model ---------------------------------------------===//
// The facts of config.json and generation_config.json, under llama.cpp's keys. Some are visible in the
// tensors only: the vocabulary's size, K = V layers, an untied head, how many pairs of a head RoPE turns.

#ifndef GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H
#define GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H

#include "compiler/import/GenerationConfig.h"
#include "compiler/import/Gguf.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// The model of a file of the architecture `gemma4` or `gemma3`. An unknown key of the architecture is an
/// error, since it might change what is computed; keys of vision and audio towers are ignored.
llvm::Expected<ModelConfig> readGgufConfig(const GgufFile &file);

/// How the file wants its text to be sampled, and what ends it: the tokens that the file names for that, and
/// those of Gemma's own that the vocabulary has.
llvm::Expected<GenerationConfig> readGgufGeneration(const GgufFile &file, const ModelConfig &model);

/// The id under a key such as `tokenizer.ggml.bos_token_id`, if the file has it.
llvm::Expected<std::optional<int32_t>> readGgufTokenId(const GgufFile &file, llvm::StringRef key,
                                                       int64_t vocabulary);

} // namespace gemmac

#endif
