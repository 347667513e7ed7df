//===- GenerationConfig.h - how a checkpoint wants its text to be sampled -------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_GENERATIONCONFIG_H
#define GEMMAC_COMPILER_IMPORT_GENERATIONCONFIG_H

#include "compiler/import/ConfigFields.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// Applied in this order: suppressed tokens, repetition penalty, temperature, top-k, top-p, min-p.
struct GenerationConfig {
  double temperature = 1.0; ///< 0: greedy
  int32_t topK = 64;        ///< 0, or more than the vocabulary has: all
  double topP = 0.95;       ///< 0: the best one; 1: all
  double minP = 0.0;        ///< 0: all
  double repetitionPenalty = 1.0;
  std::optional<int32_t> bos;
  std::vector<int32_t> stop;     ///< tokens that end a generation
  std::vector<int32_t> suppress; ///< tokens that are never chosen
};

/// What a format calls the settings of sampling.
struct SamplingKeys {
  llvm::StringRef temperature, topK, topP, minP, repetitionPenalty;
};

/// Reads the settings of sampling that are there, by the same rules for every format: temperature from 0 to
/// 1e6, top-k from -1 (all, as 0), top-p and min-p from 0 to 1, repetition penalty from 0.001 to 1000.
void readSampling(ConfigFields &fields, const SamplingKeys &keys, GenerationConfig &config);

/// Appends the ids that are not there yet; -1 is none.
void addStops(std::vector<int32_t> &stops, llvm::ArrayRef<int32_t> ids);

/// Reads `generation_config.json`, which may be absent; settings that it lacks are the family's. Generation
/// stops at the tokens of this file and at those of the model's configuration.
llvm::Expected<GenerationConfig> readGenerationConfig(const std::string &directory, const ModelConfig &model);

} // namespace gemmac

#endif
