//===- GgufConfig.cpp - what a GGUF file says about its model -------------------------------------------===//

#include "compiler/import/GgufConfig.h"
#include "compiler/import/ConfigFields.h"
#include "compiler/import/GgufGeneration.h"
#include "compiler/import/LayerRules.h"
#include "compiler/import/TensorNames.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

/// Sections of keys that do not affect what the text model computes.
const StringRef kSilentKeys[] = {"rope.scaling.finetuned"};
const StringRef kSilentSections[] = {"vision.", "audio.", "mm."};

class GgufConfigReader {
public:
  GgufConfigReader(const GgufFile &file, const TensorNames &names, ConfigFields &fields, ModelFamily family)
      : file(file), names(names), fields(fields) {
    config.file = file.path();
    config.family = family;
  }

  ModelConfig read() {
    readSizes();
    readHead();
    refuseForeignAttention();
    readLayers();
    if (gemma4()) {
      readPerLayerEmbeddings();
      readExperts();
    }
    ignoreSilentKeys();
    return std::move(config);
  }

private:
  const GgufFile &file;
  const TensorNames &names;
  ConfigFields &fields;
  ModelConfig config;

  bool gemma4() const { return config.family == ModelFamily::gemma4; }

  /// The size of one axis of a tensor, whose whole shape is checked when the model is built; `absent` if
  /// there is no such axis.
  int64_t sizeOf(const std::string &tensor, size_t axis, int64_t absent) const {
    const SourceTensor *found = file.find(tensor);
    return found && axis < found->shape.size() ? found->shape[axis] : absent;
  }

  /// The same for a key that may be absent where the axis is there.
  std::optional<int64_t> axisOf(const std::string &tensor, size_t axis) const {
    int64_t size = sizeOf(tensor, axis, 0);
    return size > 0 ? std::optional(size) : std::nullopt;
  }

  void readSizes() {
    config.hidden = fields.integer("embedding_length", axisOf(names.of("embedding"), 1), 1, kMostWidth);
    constexpr int64_t kUsualContext = 131072;
    config.context = fields.integer("context_length", kUsualContext, 1, kMostPositions);
    if (!fields.has("context_length"))
      config.remarks.push_back(config.file + ": does not say for how many positions its model was made; " +
                               std::to_string(kUsualContext) + " are the most of its family");
    config.eps = fields.number("attention.layer_norm_rms_epsilon", 1e-6, 1e-30, 1.0);
    config.vocabulary = sizeOf(names.of("embedding"), 0, 0);
    if (config.vocabulary < 1 || config.vocabulary > kMostWidth)
      fields.fail("embedding_length", "needs a tensor " + inQuotes(names.of("embedding")) + " of 1 to " +
                                          Twine(kMostWidth) + " rows");
    if (fields.integer("vocab_size", config.vocabulary, 1, kMostWidth) != config.vocabulary)
      fields.fail("vocab_size",
                  "is not " + Twine(config.vocabulary) + ", the rows of " + inQuotes(names.of("embedding")));
  }

  void readHead() {
    config.tiedHead = !file.find(names.of("head"));
    // Absent and 0 are the same.
    if (double cap = fields.number("final_logit_softcapping", 0.0, 0.0, 1e18); cap > 0.0)
      config.softcap = cap;
  }

  /// Features that no file of these families uses, and that would change the result.
  void refuseForeignAttention() {
    if (fields.number("attn_logit_softcapping", 0.0, 0.0, 1e18) != 0.0)
      fields.fail("attn_logit_softcapping", "must be 0: attention has no softcap");
    if (!fields.boolean("attention.causal", true))
      fields.fail("attention.causal", "is false, but only causal models are compiled");
  }

  void readLayers() {
    int64_t count = fields.integer("block_count", std::nullopt, 1, kMostLayers);
    std::vector<int64_t> heads = fields.integers("attention.head_count", count, 1, kMostHeads);
    // Without the key there are as many key heads as heads.
    std::vector<int64_t> keyHeads = heads;
    if (fields.has("attention.head_count_kv"))
      keyHeads = fields.integers("attention.head_count_kv", count, 1, kMostHeads);
    std::vector<int64_t> widths = readWidths(count);
    int64_t window = fields.integer("attention.sliding_window", 0, 0, kMostPositions);
    std::vector<bool> sliding = readPattern(count, window);
    if (fields.failed())
      return;
    if (!llvm::all_equal(heads))
      return fields.fail("attention.head_count", "must be the same for all layers");
    config.heads = heads.front();
    config.layers.resize(size_t(count));
    for (int64_t i = 0; i < count; ++i) {
      LayerConfig &layer = config.layers[i];
      layer.keyHeads = keyHeads[i];
      layer.ffnWidth = widths[i];
      layer.donor = i;
      if (sliding[i])
        layer.window = window;
    }
    readHeadDims();
    if (gemma4())
      readKeysAndValues();
    else
      readQueryScale();
    checkHeads(fields, "attention.head_count", "attention.key_length", config);
    readRotation();
  }

  /// Of each layer's FFN; without the key they are the rows of its matrices.
  std::vector<int64_t> readWidths(int64_t count) {
    constexpr StringRef kKey = "feed_forward_length";
    std::vector<int64_t> widths;
    for (int64_t i = 0; i < count && !fields.has(kKey) && !fields.failed(); ++i) {
      widths.push_back(sizeOf(names.of(i, "gate"), 0, 0));
      if (widths.back() < 1 || widths.back() > kMostWidth)
        fields.fail(kKey, "is missing");
    }
    return fields.has(kKey) ? fields.integers(kKey, count, 1, kMostWidth) : widths;
  }

  /// An integer n: every n-th layer is global; a list: one flag per layer. Without a window all
  /// layers are global.
  std::vector<bool> readPattern(int64_t count, int64_t window) {
    constexpr StringRef kPattern = "attention.sliding_window_pattern";
    std::vector<bool> sliding(size_t(count), false);
    if (fields.isList(kPattern)) {
      std::vector<int64_t> flags = fields.integers(kPattern, count, 0, 1);
      llvm::copy(flags, sliding.begin());
    } else {
      // Files of Gemma 3 leave it out.
      int64_t period =
          fields.integer(kPattern, gemma4() ? std::nullopt : std::optional<int64_t>(6), 0, count);
      for (int64_t i = 0; i < count; ++i)
        sliding[i] = period == 0 || (i + 1) % period != 0;
    }
    if (window > 0)
      return sliding;
    if (gemma4() && llvm::is_contained(sliding, true))
      fields.fail("attention.sliding_window", "must be at least 1, as some layers slide");
    return std::vector<bool>(size_t(count), false);
  }

  void readHeadDims() {
    int64_t global = readHeadDim("", normedDim(/*global=*/true));
    int64_t sliding = gemma4() ? readHeadDim("_swa", normedDim(/*global=*/false)) : global;
    for (LayerConfig &layer : config.layers)
      layer.headDim = layer.global() ? global : sliding;
  }

  /// The width of heads in layers of a kind, as the norm of their queries has it; in Gemma 3 all are as wide.
  std::optional<int64_t> normedDim(bool global) const {
    for (const auto &[index, layer] : llvm::enumerate(config.layers))
      if (layer.global() == global || !gemma4())
        return axisOf(names.of(int64_t(index), "query_norm"), 0);
    return std::nullopt;
  }

  /// Values are as wide as keys, and RoPE turns the whole head or what `rope_freqs.weight` says, in every
  /// file.
  int64_t readHeadDim(StringRef kind, std::optional<int64_t> absent) {
    std::string keyLength = ("attention.key_length" + kind).str();
    int64_t dim = fields.integer(keyLength, absent, 2, kMostHeadDim);
    for (std::string other : {("attention.value_length" + kind).str(), ("rope.dimension_count" + kind).str()})
      if (int64_t size = fields.integer(other, dim, 1, kMostHeadDim); size != dim)
        fields.fail(other,
                    "is " + Twine(size) + ", but must be " + Twine(dim) + " as " + inQuotes(keyLength));
    return dim;
  }

  void readKeysAndValues() {
    constexpr StringRef kShared = "attention.shared_kv_layers";
    shareKeys(fields, kShared, config, fields.integer(kShared, 0, 0, int64_t(config.layers.size()) - 1));
    for (const auto &[index, layer] : llvm::enumerate(config.layers))
      layer.valueProjection = layer.ownsKeys && hasValues(int64_t(index), layer);
  }

  /// Values that a file does not have are the keys. Of a fused tensor the rows say whether it has them.
  bool hasValues(int64_t index, const LayerConfig &layer) const {
    const SourceTensor *fused = file.find(names.of(index, "qkv"));
    return file.find(names.of(index, "value")) ||
           (fused && !fused->shape.empty() &&
            fused->shape.front() > (config.heads + layer.keyHeads) * layer.headDim);
  }

  /// No key holds it. Queries are scaled by the width of their heads, but in the largest Gemma 3 (27B, the
  /// only one with 62 layers) by hidden width / number of heads.
  void readQueryScale() {
    constexpr size_t kLargestLayers = 62;
    int64_t scalar =
        config.layers.size() == kLargestLayers ? config.hidden / config.heads : config.layers.front().headDim;
    config.attentionScale = 1.0 / std::sqrt(double(std::max<int64_t>(scalar, 1)));
  }

  /// A number under either of two names, which agree where both are there.
  double positive(StringRef key, StringRef other, double absent) {
    double value = fields.positive(key, absent);
    if (!fields.has(other))
      return value;
    double again = fields.positive(other, absent);
    if (fields.has(key) && again != value)
      fields.fail(other, "contradicts " + inQuotes(key));
    return again;
  }

  /// Ollama has names of its own. Where there is none, the base is that of the family.
  void readRotation() {
    double slidingTheta = positive("rope.freq_base_swa", "rope.local.freq_base", 1e4);
    double theta = positive("rope.freq_base", "rope.global.freq_base", 1e6);
    double factor = readScaling();
    for (LayerConfig &layer : config.layers) {
      layer.rope = {layer.global() ? theta : slidingTheta, layer.headDim / 2, layer.global() ? factor : 1.0};
      if (layer.global() && gemma4() && !fields.failed())
        layer.rope.pairs = readTurningPairs(layer.headDim / 2);
    }
  }

  /// Scaling of global layers; sliding layers have none.
  double readScaling() {
    constexpr StringRef kType = "rope.scaling.type", kFactor = "rope.scaling.factor";
    std::string type = fields.string(kType, "linear");
    double factor = fields.positive(kFactor, 1.0);
    if (type != "linear" && type != "none")
      fields.fail(kType, "is " + inQuotes(type) + ", but 'linear' or 'none' is needed");
    return type == "linear" ? factor : 1.0;
  }

  /// `rope_freqs.weight` divides the frequency of each pair of a global head: 1 for the pairs that RoPE
  /// turns, which come first, and a number above 1e20 for those that stay.
  int64_t readTurningPairs(int64_t pairs) {
    const SourceTensor *divisors = file.find(names.of("rope_divisors"));
    auto fail = [&](const Twine &what) {
      fields.fail("rope.dimension_count", "needs a tensor " + inQuotes(names.of("rope_divisors")) + " of " +
                                              Twine(pairs) + " numbers, ones before numbers above 1e+20" +
                                              what);
      return pairs;
    };
    if (!divisors || divisors->shape != std::vector<int64_t>{pairs} || !canReadNumbers(divisors->scheme))
      return fail("");
    std::vector<float> numbers(size_t(pairs), 0.0f);
    readNumbers(*divisors, 0, numbers);
    auto rest = llvm::find_if(numbers, [](float number) { return number != 1.0f; });
    for (auto number = rest; number != numbers.end(); ++number)
      if (!(*number > 1e20f))
        return fail(": number " + Twine(number - numbers.begin()) + " is " + std::to_string(*number));
    return rest - numbers.begin();
  }

  void readPerLayerEmbeddings() {
    constexpr StringRef kWidth = "embedding_length_per_layer_input";
    config.perLayerWidth = fields.integer(kWidth, 0, 0, kMostWidth);
    config.perLayerVocabulary = config.vocabulary;
    if (config.perLayerWidth == 0)
      return;
    std::string table = names.of("per_layer_embedding");
    config.perLayerVocabulary = sizeOf(table, 0, 0);
    if (config.perLayerVocabulary < config.vocabulary)
      fields.fail(kWidth, "needs a tensor " + inQuotes(table) + " with a row for each of the " +
                              Twine(config.vocabulary) + " tokens");
  }

  void readExperts() {
    int64_t count = fields.integer("expert_count", 0, 0, kMostExperts);
    int64_t chosen = fields.integer("expert_used_count", 0, 0, kMostExperts);
    constexpr StringRef kWidth = "expert_feed_forward_length";
    // All experts have one width; where no key says it, it is read from the shape of their last matrix.
    int64_t layers = std::max<int64_t>(int64_t(config.layers.size()), 1);
    std::vector<int64_t> widths(1, sizeOf(names.of(0, "expert_down"), 2, 0));
    if (fields.has(kWidth))
      widths = fields.integers(kWidth, layers, 0, kMostWidth);
    if (count == 0 || fields.failed())
      return;
    if (chosen < 1 || chosen > count)
      fields.fail("expert_used_count", "must be from 1 to the number of experts, " + Twine(count));
    if (!llvm::all_equal(widths) || widths.front() < 1)
      fields.fail(kWidth, "must be at least 1, and the same for all layers");
    config.experts = ExpertConfig{count, chosen, widths.front()};
  }

  void ignoreSilentKeys() {
    fields.ignore(kSilentKeys);
    for (const std::string &key : fields.unread())
      if (llvm::any_of(kSilentSections,
                       [&](StringRef section) { return StringRef(key).starts_with(section); }))
        fields.ignore({key});
  }
};

} // namespace

Expected<ModelConfig> readGgufConfig(const GgufFile &file) {
  constexpr StringRef kArchitecture = "general.architecture";
  GgufFile::Maybe<std::string_view> architecture = file.string(kArchitecture);
  if (!architecture)
    return architecture.takeError();
  std::string name(architecture->value_or(""));
  if (name != "gemma4" && name != "gemma3")
    return file.keyError(kArchitecture, "is " + inQuotes(name) + ", but 'gemma4' or 'gemma3' is needed");
  std::optional<TensorNames> names = TensorNames::recognise(file);
  if (!names)
    return fileError(file.path(), "has no embedding table, 'token_embd.weight': it is no model of text");

  json object = ggufSection(file, name);
  ConfigFields fields = ConfigFields(file.path(), object).inner(name);
  ModelConfig config =
      GgufConfigReader(file, *names, fields, name == "gemma4" ? ModelFamily::gemma4 : ModelFamily::gemma3)
          .read();
  fields.refuseTheRest();
  if (llvm::Error error = fields.takeError())
    return error;
  Expected<std::optional<int32_t>> bos =
      readGgufTokenId(file, "tokenizer.ggml.bos_token_id", config.vocabulary);
  if (!bos)
    return bos.takeError();
  config.bos = *bos;
  if (llvm::Error error = readGgufStops(file, config.vocabulary, config.eos))
    return error;
  return config;
}

} // namespace gemmac
