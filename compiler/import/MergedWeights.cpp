//===- MergedWeights.cpp - a checkpoint with LoRA adapters in its weights -------------------------------===//

#include "compiler/import/MergedWeights.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/LayerRules.h"
#include "compiler/import/LowRankRows.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

#include <deque>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace gemmac {
namespace {

std::string printed(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t size : shape)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

class MergedWeights final : public WeightSource {
public:
  explicit MergedWeights(std::unique_ptr<WeightSource> base) : base(std::move(base)) {}

  Expected<MergedAdapter> add(Adapter opened, ModelConfig &config, const TensorNames &names);

  /// Merged matrices that the file stores in blocks, by scheme.
  std::map<std::string, int64_t> blocks() const {
    std::map<std::string, int64_t> counts;
    for (const auto &[name, tensor] : changed)
      if (tensor.computed && !llvm::is_contained({"f32", "f16", "bf16", "f64"}, tensor.computedFrom))
        ++counts[tensor.computedFrom];
    return counts;
  }

  const SourceTensor *find(std::string_view name) const override {
    auto found = changed.find(name);
    return found == changed.end() ? base->find(name) : &found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all = base->names();
    for (const auto &[name, tensor] : changed)
      if (!base->find(name))
        all.push_back(name);
    return all;
  }
  std::string fileOf(std::string_view name) const override {
    auto found = origins.find(name);
    return found == origins.end() ? base->fileOf(name) : found->second;
  }
  bool choosesSchemes() const override { return base->choosesSchemes(); }
  void release(std::string_view name, std::span<const uint8_t> bytes) const override {
    if (!changed.contains(name))
      base->release(name, bytes);
  }

private:
  /// Where the rows of a weight stand.
  struct Place {
    std::string tensor;
    int64_t firstRow = 0;
    bool alone = true; ///< the tensor is this weight and no other
  };
  std::optional<Place> placeOf(TensorNames::Word word, const ModelConfig &config,
                               const TensorNames &names) const;
  Error separateHead(const Adapter &adapter, ModelConfig &config, const TensorNames &names);
  Error merge(const Adapter &adapter, const AdapterModule &module, const Place &place);
  Error replace(const Adapter &adapter, const SavedWeight &saved, const Place &place, bool otherNorms);

  std::unique_ptr<WeightSource> base;
  std::vector<std::unique_ptr<Adapter>> adapters;
  std::deque<SourceTensor> under; ///< tensors as they are without the adapters in `rows`
  std::deque<LowRankRows> rows;
  std::map<std::string, LowRankRows *, std::less<>> rowsOf; ///< by the tensor that they change
  std::map<std::string, SourceTensor, std::less<>> changed;
  std::map<std::string, std::string, std::less<>> origins; ///< files of tensors that are not the base's
};

bool isKeyOrValue(StringRef word) {
  return word == "key" || word == "value" || word == "key_norm";
}

/// Keys and values of a layer that reads another layer's: files and adapters may have some.
bool isUnused(TensorNames::Word word, const ModelConfig &config) {
  return word.layer && *word.layer < int64_t(config.layers.size()) &&
         !config.layers[size_t(*word.layer)].ownsKeys && isKeyOrValue(word.word);
}

std::optional<MergedWeights::Place> MergedWeights::placeOf(TensorNames::Word word, const ModelConfig &config,
                                                           const TensorNames &names) const {
  if (!word.layer) {
    std::string tensor = names.of(word.word);
    return find(tensor) ? std::optional(Place{tensor}) : std::nullopt;
  }
  if (*word.layer < 0 || *word.layer >= int64_t(config.layers.size()))
    return std::nullopt;
  std::string tensor = names.of(*word.layer, word.word);
  if (!tensor.empty() && find(tensor))
    return Place{tensor};
  std::optional<FusedRows> fused = fusedRows(config, *word.layer, word.word);
  tensor = fused ? names.of(*word.layer, fused->word) : "";
  return !tensor.empty() && find(tensor) ? std::optional(Place{tensor, fused->firstRow, false})
                                         : std::nullopt;
}

/// A tied head is the embedding. Where an adapter was trained on one of the two, both have tables of their
/// own from here on.
Error MergedWeights::separateHead(const Adapter &adapter, ModelConfig &config, const TensorNames &names) {
  auto touches = [&](StringRef word) {
    auto is = [&](const auto &part) { return !part.word.layer && part.word.word == word; };
    return llvm::any_of(adapter.modules, is) || llvm::any_of(adapter.saved, is);
  };
  bool embedding = touches("embedding"), head = touches("head");
  if (!config.tiedHead || (!embedding && !head))
    return Error::success();
  if (adapter.config.tiesEmbeddings) {
    if (head || llvm::any_of(adapter.modules, [](const AdapterModule &module) { return module.embedding; }))
      return fileError(adapter.config.file, "'ensure_weight_tying' is supported only where the embedding is "
                                            "trained whole; merge this adapter with PEFT");
    return Error::success();
  }
  std::string table = names.of("embedding"), own = names.of("head");
  if (const SourceTensor *tensor = find(table)) {
    SourceTensor copy = *tensor;
    copy.name = own;
    changed[own] = std::move(copy);
    origins[own] = fileOf(table);
    config.tiedHead = false;
  }
  return Error::success();
}

Error MergedWeights::merge(const Adapter &adapter, const AdapterModule &module, const Place &place) {
  const SourceTensor &tensor = *find(place.tensor);
  int64_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : 0,
          room = columns ? tensor.shape[0] - place.firstRow : 0;
  if (module.columns() != columns || (place.alone ? module.rows() != room : module.rows() > room))
    return fileError(adapter.directory, "changes module " + inQuotes(module.module) + " of shape " +
                                            printed({module.rows(), module.columns()}) + ", but " +
                                            fileOf(place.tensor) + " has tensor " + inQuotes(place.tensor) +
                                            " of shape " + printed(tensor.shape) +
                                            ": this adapter is of another model");
  if (!canReadNumbers(tensor))
    return Error::success(); // the import says so
  LowRankRows *&merged = rowsOf[place.tensor];
  if (!merged) {
    merged = &rows.emplace_back(under.emplace_back(tensor));
    changed[place.tensor] = {.name = place.tensor,
                             .scheme = std::string(kComputed),
                             .shape = under.back().shape,
                             .bytes = {},
                             .computed = merged,
                             .computedFrom = under.back().chosenScheme()};
  }
  merged->add(module, place.firstRow);
  return Error::success();
}

Error MergedWeights::replace(const Adapter &adapter, const SavedWeight &saved, const Place &place,
                             bool otherNorms) {
  const SourceTensor &tensor = *find(place.tensor);
  auto error = [&](const Twine &what) {
    return fileError(adapter.directory, "brings " + inQuotes(saved.module) + " whole, " + what);
  };
  if (!place.alone)
    return error("but " + fileOf(place.tensor) + " holds it as a part of tensor " + inQuotes(place.tensor));
  if (tensor.shape != saved.tensor->shape)
    return error("of shape " + printed(saved.tensor->shape) + ", but " + fileOf(place.tensor) +
                 " has tensor " + inQuotes(place.tensor) + " of shape " + printed(tensor.shape));
  if (otherNorms && saved.word.word.ends_with("norm"))
    return error("which " + fileOf(place.tensor) +
                 " holds with 1 added; merge it into the checkpoint of "
                 "Hugging Face");
  changed[place.tensor] = *saved.tensor;
  changed[place.tensor].name = place.tensor;
  origins[place.tensor] = adapter.tensors->fileOf(saved.tensor->name);
  rowsOf.erase(place.tensor);
  return Error::success();
}

Expected<MergedAdapter> MergedWeights::add(Adapter opened, ModelConfig &config, const TensorNames &names) {
  const Adapter &adapter = *adapters.emplace_back(std::make_unique<Adapter>(std::move(opened)));
  MergedAdapter result{.name = llvm::sys::path::filename(adapter.directory).str(),
                       .scale = adapter.scale,
                       .contents = adapter.contents,
                       .unused = int64_t(adapter.towerTensors)};
  if (Error error = separateHead(adapter, config, names))
    return error;
  auto absent = [&](StringRef module) {
    return fileError(adapter.directory, "changes " + inQuotes(module) + ", which the model of " +
                                            config.file + " does not have: this adapter is of another model");
  };
  bool otherNorms = config.family == ModelFamily::gemma3 && names.normsHoldOne();
  for (const SavedWeight &saved : adapter.saved) {
    if (isUnused(saved.word, config) && ++result.unused)
      continue;
    std::optional<Place> place = placeOf(saved.word, config, names);
    if (!place)
      return absent(saved.module);
    if (Error error = replace(adapter, saved, *place, otherNorms))
      return error;
    ++result.saved;
  }
  for (const AdapterModule &module : adapter.modules) {
    if (isUnused(module.word, config) && ++result.unused)
      continue;
    std::optional<Place> place = placeOf(module.word, config, names);
    if (!place)
      return absent(module.module);
    if (Error error = merge(adapter, module, *place))
      return error;
    ++result.matrices;
  }
  return result;
}

} // namespace

Expected<MergeSummary> mergeAdapters(Checkpoint &checkpoint, llvm::ArrayRef<std::string> requests) {
  MergeSummary summary;
  std::optional<TensorNames> names = TensorNames::recognise(*checkpoint.weights);
  if (requests.empty() || !names) // the import says what is wrong with the names
    return summary;
  auto merged = std::make_unique<MergedWeights>(std::move(checkpoint.weights));
  for (const std::string &request : requests) {
    Expected<Adapter> adapter = Adapter::open(request);
    if (!adapter)
      return adapter.takeError();
    Expected<MergedAdapter> result = merged->add(std::move(*adapter), checkpoint.config, *names);
    if (!result)
      return result.takeError();
    summary.adapters.push_back(std::move(*result));
  }
  summary.blocks = merged->blocks();
  checkpoint.weights = std::move(merged);
  return summary;
}

} // namespace gemmac
