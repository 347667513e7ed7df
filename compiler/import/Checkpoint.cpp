//===- Checkpoint.cpp - a model as it was downloaded ----------------------------------------------------===//

#include "compiler/import/Checkpoint.h"
#include "compiler/import/AdapterConfig.h"
#include "compiler/import/GgufConfig.h"
#include "compiler/import/GgufGeneration.h"
#include "compiler/import/HubCache.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/Safetensors.h"
#include "compiler/import/TensorNames.h"
#include "compiler/import/UnpackedWeights.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include <algorithm>

namespace gemmac {
namespace {

bool sameNumbers(const SourceTensor &a, const SourceTensor &b) {
  if (a.shape != b.shape)
    return false;
  if (!a.computed && a.scheme == b.scheme)
    return std::ranges::equal(a.bytes, b.bytes);
  if (!canReadNumbers(a) || !canReadNumbers(b))
    return false;
  constexpr int64_t kPiece = 1 << 16;
  std::vector<float> left(kPiece), right(kPiece);
  for (int64_t first = 0, count = a.numbers(); first < count; first += kPiece) {
    auto piece = size_t(std::min(kPiece, count - first));
    readNumbers(a, first, std::span(left).first(piece));
    readNumbers(b, first, std::span(right).first(piece));
    if (!std::equal(left.begin(), left.begin() + ptrdiff_t(piece), right.begin()))
      return false;
  }
  return true;
}

/// A head of its own counts, whatever the configuration says: fine-tuning that trained it, and merging, leave
/// the key as it was.
void settleHead(ModelConfig &config, const WeightSource &weights) {
  std::optional<TensorNames> names = TensorNames::recognise(weights);
  if (!config.tiedHead || !names)
    return;
  const SourceTensor *head = weights.find(names->of("head")), *table = weights.find(names->of("embedding"));
  if (!head || sameNumbers(*head, *table))
    return;
  config.tiedHead = false;
  config.remarks.push_back(config.file + ": says that head and embedding are tied, but " +
                           inQuotes(head->name) + " of " + weights.fileOf(head->name) +
                           " has other numbers than " + inQuotes(table->name) + " and is used");
}

/// What to say of an adapter that was given in place of a model.
llvm::Error adapterInPlaceOfModel(const std::string &path, const std::string &base) {
  return fileError(path, llvm::Twine("is an adapter") + (base.empty() ? "" : " of " + inQuotes(base)) +
                             ", not a model; give its model, and this with --lora");
}

llvm::Expected<Checkpoint> openDirectory(const std::string &directory) {
  if (holdsAdapter(directory) && !llvm::sys::fs::exists(pathIn(directory, "config.json"))) {
    llvm::Expected<AdapterConfig> adapter = readAdapterConfig(directory);
    return adapter ? adapterInPlaceOfModel(directory, adapter->base) : adapter.takeError();
  }
  llvm::Expected<ModelConfig> config = readModelConfig(directory);
  if (!config)
    return config.takeError();
  llvm::Expected<GenerationConfig> generation = readGenerationConfig(directory, *config);
  if (!generation)
    return generation.takeError();
  llvm::Expected<std::unique_ptr<WeightSource>> weights = openSafetensors(directory);
  if (!weights)
    return weights.takeError();
  if (config->quantization)
    weights = unpackWeights(std::move(*weights), *config);
  if (!weights)
    return weights.takeError();
  settleHead(*config, **weights);
  if (holdsAdapter(directory))
    config->remarks.push_back(directory +
                              ": an adapter lies beside the model; it is merged only where --lora "
                              "names it");
  return Checkpoint{identifierOf(directory), std::move(*config), std::move(*generation), std::move(*weights)};
}

llvm::Expected<Checkpoint> openGgufCheckpoint(const std::string &path) {
  llvm::Expected<std::unique_ptr<GgufFile>> file = GgufFile::open(path);
  if (!file)
    return file.takeError();
  if (auto kind = (*file)->string("general.type"); !kind)
    return kind.takeError();
  else if (*kind == "adapter")
    return fileError(path,
                     "is an adapter in the format of llama.cpp, not a model; adapters as PEFT saves them "
                     "are merged with --lora");
  llvm::Expected<ModelConfig> config = readGgufConfig(**file);
  if (!config)
    return config.takeError();
  llvm::Expected<GenerationConfig> generation = readGgufGeneration(**file, *config);
  if (!generation)
    return generation.takeError();
  return Checkpoint{identifierOf(path), std::move(*config), std::move(*generation), std::move(*file)};
}

} // namespace

std::string identifierFrom(std::string_view name) {
  std::string identifier;
  for (char c : name) {
    char lower = llvm::toLower(c);
    if (llvm::isAlnum(lower))
      identifier += lower;
    else if (!identifier.empty() && identifier.back() != '_')
      identifier += '_';
  }
  while (!identifier.empty() && identifier.back() == '_')
    identifier.pop_back();
  if (identifier.empty())
    return "model";
  return llvm::isDigit(identifier.front()) ? "model_" + identifier : identifier;
}

std::string identifierOf(const std::string &path) {
  llvm::SmallString<256> whole(path);
  llvm::sys::fs::make_absolute(whole);
  llvm::sys::path::remove_dots(whole, /*remove_dot_dot=*/true);
  if (llvm::StringRef repository = repositoryOfSnapshot(whole); !repository.empty())
    return identifierFrom(repository);
  llvm::StringRef name = llvm::sys::path::filename(whole);
  if (name.consume_back(".gguf"))
    if (llvm::Regex part("-[0-9]{5}-of-[0-9]{5}$"); part.match(name))
      name = name.drop_back(sizeof("-00001-of-00002") - 1);
  return identifierFrom(name);
}

llvm::Expected<Checkpoint> openCheckpoint(const std::string &path) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return fileError(path, error.message());
  if (status.type() == llvm::sys::fs::file_type::directory_file)
    return openDirectory(path);
  return openGgufCheckpoint(path);
}

} // namespace gemmac
