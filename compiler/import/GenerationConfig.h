//===- GenerationConfig.h - how a checkpoint wants its text to be sampled -------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_GENERATIONCONFIG_H
#define GEMMAC_COMPILER_IMPORT_GENERATIONCONFIG_H

#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// Applied in this order: suppressed tokens, repetition penalty, temperature, top-k, top-p, min-p.
struct GenerationConfig {
  double temperature = 1.0; ///< 0: greedy
  int32_t topK = 64;        ///< 0: all
  double topP = 0.95;       ///< 1: all
  double minP = 0.0;        ///< 0: all
  double repetitionPenalty = 1.0;
  std::optional<int32_t> bos;
  std::vector<int32_t> stop;     ///< tokens that end a generation
  std::vector<int32_t> suppress; ///< tokens that are never chosen
};

/// Reads `generation_config.json`, which may be absent; keys that it lacks come from the model's
/// configuration, then from the family's defaults.
llvm::Expected<GenerationConfig> readGenerationConfig(const std::string &directory, const ModelConfig &model);

} // namespace gemmac

#endif
