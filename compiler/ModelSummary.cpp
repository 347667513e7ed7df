//===- ModelSummary.cpp - what a checkpoint holds, and what becomes of it -------------------------------===//

#include "compiler/ModelSummary.h"

#include "compiler/import/TensorNames.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>
#include <map>
#include <set>

using llvm::StringRef;

namespace gemmac {

const char *nameOf(Fidelity fidelity) {
  static constexpr const char *kNames[] = {"kept", "exact", "rounded"};
  return kNames[static_cast<size_t>(fidelity)];
}

int64_t ModelSummary::numbers() const {
  int64_t sum = 0;
  for (const WeightGroup &group : groups)
    sum += group.numbers;
  return sum;
}

namespace {

/// Parts of a model in the order in which they are listed, and the words of their weights in plans.
struct Part {
  StringRef name;
  std::initializer_list<StringRef> words;
};
const Part kParts[] = {
    {"embedding", {"embedding"}},
    {"head", {"head"}},
    {"per-layer embedding", {"per_layer_embedding"}},
    {"per-layer inputs", {"per_layer_projection", "per_layer_gate"}},
    {"attention", {"qkv", "query", "key", "value", "output"}},
    {"feed-forward", {"gate_up", "gate", "up", "down"}},
    {"router", {"router"}},
    {"experts", {"expert_gate_up", "expert_gate", "expert_up", "expert_down"}},
};
constexpr StringRef kVectors = "norms and scalars", kOther = "other";
constexpr size_t kVectorsPlace = std::size(kParts), kOtherPlace = kVectorsPlace + 1;

/// The place in the list of `layer3.qkv.q4_0`.
size_t placeOf(const PlannedWeight &weight) {
  StringRef name = weight.name;
  if (name.starts_with("layer"))
    name = name.split('.').second;
  StringRef word = name.split('.').first;
  for (auto [place, part] : llvm::enumerate(kParts))
    if (llvm::is_contained(part.words, word))
      return place;
  return weight.logical.size() == 1 ? kVectorsPlace : kOtherPlace;
}

std::string nameOfPlace(size_t place, bool tiedHead) {
  if (place == 0 && tiedHead)
    return "embedding, head";
  return (place == kVectorsPlace ? kVectors : place == kOtherPlace ? kOther : kParts[place].name).str();
}

/// Computed numbers are kept where the packer can store them as they are, which its first block shows.
Fidelity fidelityOf(const SourceTensor &tensor, Scheme to) {
  bool kept = tensor.chosenScheme() == nameOf(to);
  if (tensor.computed) {
    std::vector<uint8_t> block(static_cast<size_t>(rowOf(to).blockBytes));
    kept = kept && isQuantized(to) && tensor.computed->store(nameOf(to), 0, rowOf(to).block, block);
  }
  if (kept)
    return Fidelity::kept;
  return to == Scheme::f32 ? Fidelity::exact : Fidelity::rounded;
}

/// What a tensor takes in its file; computed numbers count as the scheme takes them that comes closest to
/// what the file has.
int64_t bytesOf(const SourceTensor &tensor) {
  if (!tensor.computed)
    return static_cast<int64_t>(tensor.bytes.size());
  std::optional<Scheme> scheme = findScheme(tensor.computedFrom);
  int64_t columns = tensor.shape.empty() ? 0 : tensor.shape.back();
  return scheme && columns ? storedRowBytes(*scheme, columns) * (tensor.numbers() / columns) : 0;
}

/// Numbers of a tensor that a weight takes. With experts, rows are of each expert.
int64_t numbersOf(const TensorRange &source, const SourceTensor &tensor) {
  int64_t columns = tensor.shape.size() < 2 ? 1 : tensor.shape.back();
  int64_t experts = tensor.shape.size() < 3 ? 1 : tensor.shape.front();
  int64_t rows = tensor.numbers() / std::max<int64_t>(columns * experts, 1);
  return experts * (source.rows ? source.rows->size() : rows) *
         (source.columns ? source.columns->size() : columns);
}

int64_t share(int64_t bytes, int64_t part, int64_t whole) {
  double fraction = whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  return std::llround(static_cast<double>(bytes) * fraction);
}

/// A tensor that two weights read is counted once; its packed copies are counted both.
class Groups {
public:
  Groups(const WeightSource &source, bool tiedHead) : source(source), tiedHead(tiedHead) {}

  void add(const PlannedWeight &weight) {
    std::vector<int64_t> numbers;
    int64_t all = 0;
    for (const TensorRange &range : weight.sources) {
      const SourceTensor *tensor = source.find(range.tensor);
      numbers.push_back(tensor ? numbersOf(range, *tensor) : 0);
      all += numbers.back();
    }
    int64_t left = weight.bytes();
    for (auto [range, count] : llvm::zip_equal(weight.sources, numbers)) {
      const SourceTensor *tensor = source.find(range.tensor);
      if (!tensor)
        continue;
      bool last = &range == &weight.sources.back();
      int64_t bytes = last ? left : share(weight.bytes(), count, all);
      left -= bytes;
      add(placeOf(weight), range, *tensor, count, weight.scheme, bytes);
    }
  }

  std::vector<WeightGroup> sorted() {
    std::vector<WeightGroup> all;
    for (auto begin = groups.begin(); begin != groups.end();) {
      auto end = std::find_if(begin, groups.end(), [&](const auto &entry) {
        return std::get<0>(entry.first) != std::get<0>(begin->first);
      });
      size_t first = all.size();
      for (; begin != end; ++begin)
        all.push_back(begin->second);
      std::stable_sort(all.begin() + static_cast<ptrdiff_t>(first), all.end(),
                       [](const WeightGroup &a, const WeightGroup &b) { return a.bytes > b.bytes; });
    }
    return all;
  }

  bool uses(StringRef tensor) const { return tensors.contains(tensor); }

private:
  void add(size_t place, const TensorRange &range, const SourceTensor &tensor, int64_t numbers, Scheme to,
           int64_t bytes) {
    const Fidelity fidelity = fidelityOf(tensor, to);
    WeightGroup &group = groups[{place, tensor.chosenScheme(), to, fidelity}];
    group.part = nameOfPlace(place, tiedHead);
    group.from = tensor.chosenScheme();
    group.to = to;
    group.fidelity = fidelity;
    group.bytes += bytes;
    tensors.insert(tensor.name);
    int64_t row = range.rows ? range.rows->begin : 0, column = range.columns ? range.columns->begin : 0;
    if (!counted.insert({tensor.name, row, column}).second)
      return;
    ++group.tensors;
    group.numbers += numbers;
    group.fileBytes += share(bytesOf(tensor), numbers, tensor.numbers());
  }

  const WeightSource &source;
  bool tiedHead;
  std::map<std::tuple<size_t, std::string, Scheme, Fidelity>, WeightGroup> groups;
  std::set<std::tuple<std::string, int64_t, int64_t>> counted;
  llvm::StringSet<> tensors;
};

/// Why the model has no use for a tensor.
std::string reasonOf(StringRef tensor, const TensorNames &names) {
  if (names.isTower(tensor))
    return tensor.contains("audio") || tensor.starts_with("a.") ? "audio tower" : "vision tower";
  if (names.isHead(tensor))
    return "head that is the embedding again";
  if (names.isDerived(tensor))
    return "tables that follow from the configuration";
  return "keys and values of layers that read another's";
}

std::vector<LeftOut> leftOutOf(const WeightSource &source, const Groups &groups) {
  std::optional<TensorNames> names = TensorNames::recognise(source);
  std::map<std::string, LeftOut> all;
  for (const std::string &name : source.names()) {
    if (groups.uses(name) || !names)
      continue;
    LeftOut &out = all[reasonOf(name, *names)];
    ++out.tensors;
    out.bytes += bytesOf(*source.find(name));
  }
  std::vector<LeftOut> list;
  for (auto &[what, out] : all)
    list.push_back({what, out.tensors, out.bytes});
  return list;
}

} // namespace

ModelSummary summarize(const std::string &path, const Checkpoint &checkpoint, const Tokenizer &tokenizer,
                       const ModelFacts &facts, llvm::ArrayRef<PlannedWeight> weights,
                       llvm::ArrayRef<PlannedPhase> phases, const PlannedMemory &memory) {
  ModelSummary summary;
  summary.path = path;
  summary.gguf = !llvm::sys::fs::is_directory(path);
  llvm::StringSet<> files;
  for (const std::string &name : checkpoint.weights->names()) {
    files.insert(checkpoint.weights->fileOf(name));
    summary.fileBytes += bytesOf(*checkpoint.weights->find(name));
  }
  summary.files = static_cast<int64_t>(files.size());
  summary.config = checkpoint.config;
  summary.generation = checkpoint.generation;
  summary.pieces = static_cast<int64_t>(tokenizer.pieces.size());
  summary.merges = static_cast<int64_t>(tokenizer.merges.size());
  summary.specials = llvm::count(tokenizer.special, true);
  summary.bos = tokenizer.bos;
  summary.chatTemplate = tokenizer.chatTemplate;
  summary.facts = facts;
  summary.memory = memory;

  Groups groups(*checkpoint.weights, checkpoint.config.tiedHead);
  for (const PlannedWeight &weight : weights)
    groups.add(weight);
  summary.groups = groups.sorted();
  summary.leftOut = leftOutOf(*checkpoint.weights, groups);
  for (const PlannedPhase &phase : phases)
    if (phase.name == "decode")
      summary.bytesPerToken = phase.work({.tokens = 1, .position = 0}).bytes;
  return summary;
}

} // namespace gemmac
