//===- Quantization.h - how a safetensors checkpoint was quantized --------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_QUANTIZATION_H
#define GEMMAC_COMPILER_IMPORT_QUANTIZATION_H

#include "compiler/import/PackedMatrix.h"
#include "nlohmann/json_fwd.hpp"

#include <map>
#include <optional>

namespace gemmac {

/// What a config.json says about packed matrices.
struct Quantization {
  std::string name; ///< for messages: "GPTQ (4 bits, groups of 128)"
  PackedForm form;
  std::map<std::string, int64_t, std::less<>> bits; ///< of modules that differ (MLX)
};

/// Reads `quantization_config` (transformers) or `quantization` (MLX) of a config.json, or of its
/// text_config, and removes both keys; nothing if there is none. What cannot be read is an error that calls
/// it by its name.
llvm::Expected<std::optional<Quantization>> takeQuantization(const std::string &file, nlohmann::json &config);

} // namespace gemmac

#endif
