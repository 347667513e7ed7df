//===- Safetensors.h - checkpoints in the format of Hugging Face ----------------------------------------===//
// A file is eight bytes (the header's length), a JSON header (name → dtype, shape, byte range) and the data.
// Nothing in it is trusted: each range must lie inside the file, be as long as dtype and shape say, and
// follow the one before it without overlap or hole, as the format demands.

#ifndef GEMMAC_COMPILER_IMPORT_SAFETENSORS_H
#define GEMMAC_COMPILER_IMPORT_SAFETENSORS_H

#include "compiler/import/WeightSource.h"
#include "llvm/Support/Error.h"

namespace gemmac {

/// `model.safetensors` of a directory, or the shards that its `model.safetensors.index.json` names; mapped
/// read-only.
llvm::Expected<std::unique_ptr<WeightSource>> openSafetensors(const std::string &directory);

/// One file, whatever its name.
llvm::Expected<std::unique_ptr<WeightSource>> openSafetensorsFile(const std::string &path);

} // namespace gemmac

#endif
