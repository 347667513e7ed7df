//===- Checkpoint.h - a model as it was downloaded ------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_CHECKPOINT_H
#define GEMMAC_COMPILER_IMPORT_CHECKPOINT_H

#include "compiler/import/GenerationConfig.h"
#include "compiler/import/ModelConfig.h"
#include "compiler/import/WeightSource.h"

namespace gemmac {

struct Checkpoint {
  std::string name; ///< the directory's or the file's, as a C identifier: gemma_4_e2b_it
  ModelConfig config;
  GenerationConfig generation;
  std::unique_ptr<WeightSource> weights;
};

/// Opens a Hugging Face directory or a GGUF file: its configuration, how it wants to be sampled, and its
/// tensors, mapped.
llvm::Expected<Checkpoint> openCheckpoint(const std::string &path);

/// A C identifier made of a name: `gemma-4-E2B-it` → `gemma_4_e2b_it`.
std::string identifierFrom(std::string_view name);

/// The identifier of the checkpoint or model at a path. The suffixes of a GGUF file (`.gguf`,
/// `-00001-of-00002`) are left out. A snapshot in the cache of Hugging Face is called as its repository.
std::string identifierOf(const std::string &path);

} // namespace gemmac

#endif
