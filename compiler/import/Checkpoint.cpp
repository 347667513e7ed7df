//===- Checkpoint.cpp - a model as it was downloaded ----------------------------------------------------===//

#include "compiler/import/Checkpoint.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/Safetensors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace gemmac {
namespace {

std::string nameOf(const std::string &directory) {
  llvm::SmallString<256> path(directory);
  llvm::sys::fs::make_absolute(path);
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return identifierFrom(llvm::sys::path::filename(path));
}

} // namespace

std::string identifierFrom(std::string_view fileName) {
  std::string name;
  for (char c : fileName) {
    char lower = llvm::toLower(c);
    if (llvm::isAlnum(lower))
      name += lower;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  while (!name.empty() && name.back() == '_')
    name.pop_back();
  if (name.empty())
    return "model";
  return llvm::isDigit(name.front()) ? "model_" + name : name;
}

llvm::Expected<Checkpoint> openCheckpoint(const std::string &directory) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(directory, status))
    return fileError(directory, error.message());
  if (status.type() != llvm::sys::fs::file_type::directory_file)
    return fileError(directory,
                     "is not a directory; a checkpoint is one with config.json and model.safetensors");

  llvm::Expected<ModelConfig> config = readModelConfig(directory);
  if (!config)
    return config.takeError();
  llvm::Expected<GenerationConfig> generation = readGenerationConfig(directory, *config);
  if (!generation)
    return generation.takeError();
  llvm::Expected<std::unique_ptr<WeightSource>> weights = openSafetensors(directory);
  if (!weights)
    return weights.takeError();
  return Checkpoint{directory, nameOf(directory), std::move(*config), std::move(*generation),
                    std::move(*weights)};
}

} // namespace gemmac
