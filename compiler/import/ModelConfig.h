//===- ModelConfig.h - what a checkpoint says about its model -------------------------------------------===//
// config.json, resolved: defaults applied, both spellings of the layers' geometry accepted, and one record
// per layer.

#ifndef GEMMAC_COMPILER_IMPORT_MODELCONFIG_H
#define GEMMAC_COMPILER_IMPORT_MODELCONFIG_H

#include "compiler/import/Quantization.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gemmac {

enum class ModelFamily { gemma3, gemma4 };

/// Pair j of the first `pairs` of a head turns by position * theta^(-2j/d) / factor.
struct RopeConfig {
  double theta = 1e4;
  int64_t pairs = 0;
  double factor = 1.0;
};

struct LayerConfig {
  std::optional<int64_t> window; ///< a sliding layer's; a global layer has none
  int64_t headDim = 0;
  int64_t keyHeads = 0;
  int64_t ffnWidth = 0;
  bool ownsKeys = true;
  int64_t donor = 0; ///< the layer whose keys and values are read: itself, if it owns some
  bool valueProjection =
      true; ///< false: there is none (shared keys), or values are the keys' projection (K = V)
  RopeConfig rope;

  bool global() const { return !window; }
};

struct ExpertConfig {
  int64_t count = 0;
  int64_t chosen = 0; ///< per token
  int64_t width = 0;  ///< of one expert's FFN
};

struct ModelConfig {
  std::optional<Quantization> quantization; ///< of safetensors
  std::string file;                         ///< for messages
  ModelFamily family = ModelFamily::gemma4;
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t context = 0; ///< most positions
  double eps = 1e-6;
  double attentionScale = 1.0;
  std::optional<double> softcap;
  bool tiedHead = true;
  int64_t perLayerWidth = 0;      ///< of per-layer embeddings; 0: there are none
  int64_t perLayerVocabulary = 0; ///< rows of their table
  std::optional<ExpertConfig> experts;
  std::vector<LayerConfig> layers;
  std::optional<int32_t> bos;
  std::vector<int32_t> eos; ///< as config.json lists them; what stops generation is in GenerationConfig
  std::vector<std::string> remarks; ///< what a user should know about how the files were read
};

/// Reads `config.json` of a checkpoint of the Gemma 4 family, or of a Gemma 3 text model.
llvm::Expected<ModelConfig> readModelConfig(const std::string &directory);

} // namespace gemmac

#endif
