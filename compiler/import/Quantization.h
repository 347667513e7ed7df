//===- Quantization.h - how a safetensors checkpoint was quantized --------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_QUANTIZATION_H
#define GEMMAC_COMPILER_IMPORT_QUANTIZATION_H

#include "compiler/import/JsonFile.h"

#include <optional>

namespace gemmac {

/// Reads `quantization_config` (transformers) or `quantization` (MLX) of a config.json, or of its
/// text_config; nothing if there is none. Every kind of quantization is an error that calls it by its name.
llvm::Error readQuantization(const std::string &file, const nlohmann::json &config);

} // namespace gemmac

#endif
