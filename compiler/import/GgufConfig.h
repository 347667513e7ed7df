//===- GgufConfig.h - what a GGUF file says about its model ---------------------------------------------===//
// The facts of config.json, under llama.cpp's keys and some of Ollama's. Some are visible in the tensors
// only: the vocabulary's size, K = V layers, an untied head, how many pairs of a head RoPE turns.

#ifndef GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H
#define GEMMAC_COMPILER_IMPORT_GGUFCONFIG_H

#include "compiler/import/Gguf.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// The model of a file of the architecture `gemma4` or `gemma3`. An unknown key of the architecture is an
/// error, since it might change what is computed; keys of vision and audio towers are ignored. What no key
/// says is taken from the shapes of tensors, or is the default of the family.
llvm::Expected<ModelConfig> readGgufConfig(const GgufFile &file);

} // namespace gemmac

#endif
