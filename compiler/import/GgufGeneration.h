//===- GgufGeneration.h - how a GGUF file wants its text to be sampled ----------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_GGUFGENERATION_H
#define GEMMAC_COMPILER_IMPORT_GGUFGENERATION_H

#include "compiler/import/GenerationConfig.h"
#include "compiler/import/Gguf.h"
#include "nlohmann/json.hpp"

namespace gemmac {

/// The keys `section.…` of a file as one object, so that they are read and checked as those of config.json
/// are.
nlohmann::json ggufSection(const GgufFile &file, const std::string &section);

/// A token that a file names by its id, or nothing.
llvm::Expected<std::optional<int32_t>> readGgufTokenId(const GgufFile &file, llvm::StringRef key,
                                                       int64_t vocabulary);

/// Adds the stop tokens that a file names, followed by those of the family that are in its vocabulary.
llvm::Error readGgufStops(const GgufFile &file, int64_t vocabulary, std::vector<int32_t> &stops);

/// How the file wants its text to be sampled; what it does not say is the family's default.
llvm::Expected<GenerationConfig> readGgufGeneration(const GgufFile &file, const ModelConfig &model);

} // namespace gemmac

#endif
