//===- ModelConfig.cpp - what a checkpoint says about its model -----------------------------------------===//
// A key that is absent takes the default of the model's class; an unknown key is an error, since it might
// change what is computed, unless its name or value says that it does not. Configurations of vision and audio
// towers are ignored.

#include "compiler/import/ModelConfig.h"
#include "compiler/import/ConfigFields.h"
#include "compiler/import/GenerationConfig.h"
#include "compiler/import/IdleKeys.h"
#include "compiler/import/LayerRules.h"
#include "compiler/import/Quantization.h"
#include "compiler/import/RopeRules.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

constexpr StringRef kSliding = "sliding_attention";
constexpr StringRef kGlobal = "full_attention";

/// Defaults of a model class (transformers'), for absent keys.
struct Defaults {
  StringRef textType; ///< model_type of the text model
  ModelFamily family;
  int64_t vocabulary, window, context;
};

constexpr Defaults kGemma4 = {"gemma4_text", ModelFamily::gemma4, 262144, 512, 131072};
constexpr Defaults kGemma4Unified = {"gemma4_unified_text", ModelFamily::gemma4, 262144, 1024, 262144};
constexpr Defaults kGemma3 = {"gemma3_text", ModelFamily::gemma3, 262208, 4096, 131072};

/// Keys of released and re-saved files that do not affect what the text model computes.
const StringRef kSilentKeys[] = {"_name_or_path",
                                 "architectures",
                                 "attention_dropout",
                                 "boa_token_id",
                                 "audio_token_id",
                                 "boi_token_id",
                                 "boi_token_index",
                                 "cache_implementation",
                                 "dtype",
                                 "eoa_token_id",
                                 "eoa_token_index",
                                 "eoi_token_id",
                                 "eoi_token_index",
                                 "image_token_id",
                                 "image_token_index",
                                 "initializer_range",
                                 "mm_tokens_per_image",
                                 "pad_token_id",
                                 "torch_dtype",
                                 "transformers_version",
                                 "use_cache",
                                 "video_token_id",
                                 "vision_soft_tokens_per_image"};

class ConfigReader {
public:
  ConfigReader(ConfigFields &fields, const Defaults &defaults, std::string file)
      : fields(fields), defaults(defaults) {
    config.file = std::move(file);
    config.family = defaults.family;
  }

  ModelConfig read() {
    readSizes();
    readHead();
    if (defaults.family == ModelFamily::gemma4) {
      readPerLayerEmbeddings();
      readExperts();
    }
    refuseForeignAttention();
    readLayers();
    return std::move(config);
  }

private:
  ConfigFields &fields;
  const Defaults &defaults;
  ModelConfig config;

  void readSizes() {
    config.vocabulary = fields.integer("vocab_size", defaults.vocabulary, 1, kMostWidth);
    config.hidden = fields.integer("hidden_size", 2304, 1, kMostWidth);
    config.heads = fields.integer("num_attention_heads", 8, 1, kMostHeads);
    config.context = fields.integer("max_position_embeddings", defaults.context, 1, kMostPositions);
    config.eps = fields.number("rms_norm_eps", 1e-6, 1e-30, 1.0);
  }

  void readHead() {
    config.softcap = fields.positiveOrNull("final_logit_softcapping");
    config.tiedHead = fields.boolean("tie_word_embeddings", true);
    std::vector<int32_t> bos = fields.ids("bos_token_id", config.vocabulary);
    if (bos.size() > 1)
      fields.fail("bos_token_id", "must be one id");
    if (!bos.empty())
      config.bos = bos.front();
    config.eos = fields.ids("eos_token_id", config.vocabulary);
  }

  void readPerLayerEmbeddings() {
    // Absent is not the same as null: the class has per-layer embeddings unless they are switched off.
    if (fields.has("hidden_size_per_layer_input"))
      config.perLayerWidth = fields.integerOrNull("hidden_size_per_layer_input", 0, kMostWidth).value_or(0);
    else
      config.perLayerWidth = 256;
    constexpr StringRef kRows = "vocab_size_per_layer_input";
    config.perLayerVocabulary = fields.integer(kRows, 262144, 0, kMostWidth);
    if (config.perLayerWidth > 0 && config.perLayerVocabulary < config.vocabulary)
      fields.fail(kRows, "is " + Twine(config.perLayerVocabulary) + ", but the vocabulary has " +
                             Twine(config.vocabulary) + " tokens");
  }

  void readExperts() {
    bool enabled = fields.boolean("enable_moe_block", false);
    std::optional<int64_t> count = fields.integerOrNull("num_experts", 0, kMostExperts);
    std::optional<int64_t> chosen = fields.integerOrNull("top_k_experts", 0, kMostExperts);
    std::optional<int64_t> width = fields.integerOrNull("moe_intermediate_size", 0, kMostWidth);
    if (!enabled)
      return;
    if (!count || *count == 0)
      fields.fail("num_experts", "must be given where 'enable_moe_block' is true");
    if (!chosen || *chosen == 0 || *chosen > count.value_or(0))
      fields.fail("top_k_experts", "must be from 1 to the number of experts");
    if (!width || *width == 0)
      fields.fail("moe_intermediate_size", "must be given where 'enable_moe_block' is true");
    config.experts = ExpertConfig{count.value_or(1), chosen.value_or(1), width.value_or(1)};
  }

  /// Features of related classes that no file of these families uses, and that would change the result.
  void refuseForeignAttention() {
    if (fields.boolean("attention_bias", false))
      fields.fail("attention_bias", "is true, but no linear of the text model has a bias");
    if (fields.string("hidden_activation", "gelu_pytorch_tanh") != "gelu_pytorch_tanh")
      fields.fail("hidden_activation", "must be 'gelu_pytorch_tanh'");
    if (fields.positiveOrNull("attn_logit_softcapping"))
      fields.fail("attn_logit_softcapping", "must be null: attention has no softcap");
    readBidirectional();
  }

  /// "vision" makes image blocks bidirectional; text alone stays causal.
  void readBidirectional() {
    constexpr StringRef kKey = "use_bidirectional_attention";
    if (!fields.given(kKey))
      return fields.ignore({kKey});
    if (defaults.family == ModelFamily::gemma3) {
      if (fields.boolean(kKey, false))
        fields.fail(kKey, "is true, but only causal models are compiled");
    } else if (fields.string(kKey, "vision") != "vision") {
      fields.fail(kKey, "must be null or 'vision': only causal models are compiled");
    }
  }

  void readLayers() {
    int64_t count =
        fields.integer("num_hidden_layers", defaults.family == ModelFamily::gemma3 ? 26 : 30, 1, kMostLayers);
    int64_t window = fields.integer("sliding_window", defaults.window, 1, kMostPositions);
    int64_t headDim = fields.integer("head_dim", 256, 2, kMostHeadDim);
    int64_t keyHeads = fields.integer("num_key_value_heads", 4, 1, kMostHeads);
    int64_t ffnWidth = fields.integer("intermediate_size", 9216, 1, kMostWidth);
    std::vector<bool> global = readLayerTypes(count);
    if (fields.failed())
      return;
    for (bool isGlobal : global) {
      LayerConfig layer;
      layer.headDim = headDim;
      layer.keyHeads = keyHeads;
      layer.ffnWidth = ffnWidth;
      layer.donor = int64_t(config.layers.size());
      if (!isGlobal)
        layer.window = window;
      config.layers.push_back(layer);
    }
    if (defaults.family == ModelFamily::gemma3)
      readGemma3Attention();
    else
      readGemma4Attention();
    checkHeads(fields, "num_attention_heads", "head_dim", config);
    RopeRules rules(fields, config.family);
    for (LayerConfig &layer : config.layers)
      layer.rope = rules.of(layer);
  }

  std::vector<bool> readLayerTypes(int64_t count) {
    std::vector<std::string> types = fields.strings("layer_types");
    int64_t period = 6;
    if (defaults.family == ModelFamily::gemma3) {
      period = fields.integer("_sliding_window_pattern", period, 1, kMostLayers);
      period = fields.integer("sliding_window_pattern", period, 1, kMostLayers);
    }
    std::vector<bool> global;
    if (!fields.given("layer_types")) {
      for (int64_t i = 0; i < count; ++i)
        global.push_back((i + 1) % period == 0);
    } else if (!fields.failed() && int64_t(types.size()) != count) {
      fields.fail("layer_types",
                  "has " + Twine(types.size()) + " entries, but 'num_hidden_layers' is " + Twine(count));
    }
    for (const std::string &type : types) {
      if (type != kSliding && type != kGlobal)
        fields.fail("layer_types",
                    "holds " + inQuotes(type) + ", but '" + kSliding + "' or '" + kGlobal + "' is needed");
      global.push_back(type == kGlobal);
    }
    if (defaults.family == ModelFamily::gemma4 && !global.empty())
      global.back() = true; // whatever the list says
    return global;
  }

  void readGemma3Attention() {
    double scalar = fields.positive("query_pre_attn_scalar", 256.0);
    config.attentionScale = 1.0 / std::sqrt(scalar);
  }

  void readGemma4Attention() {
    bool keysAreValues = fields.boolean("attention_k_eq_v", false);
    bool doubleWide = fields.boolean("use_double_wide_mlp", false);
    int64_t most = int64_t(config.layers.size()) - 1;
    int64_t shared = fields.integer("num_kv_shared_layers", 0, 0, most);
    readGeometry(keysAreValues);
    shareKeys(fields, "num_kv_shared_layers", config, shared);
    for (LayerConfig &layer : config.layers) {
      layer.valueProjection = layer.ownsKeys && !(keysAreValues && layer.global());
      if (!layer.ownsKeys && doubleWide)
        layer.ffnWidth *= 2;
    }
  }

  /// Released files spell the geometry of global layers in two keys; files saved again spell it layer by
  /// layer.
  void readGeometry(bool keysAreValues) {
    bool perLayer = fields.given("per_layer_config");
    std::optional<int64_t> headDim = fields.integerOrNull("global_head_dim", 2, kMostHeadDim);
    std::optional<int64_t> keyHeads = fields.integerOrNull("num_global_key_value_heads", 1, kMostHeads);
    if (!fields.has("global_head_dim") && !perLayer)
      headDim = 512;
    for (LayerConfig &layer : config.layers) {
      if (!layer.global())
        continue;
      layer.headDim = headDim.value_or(layer.headDim);
      if (keysAreValues)
        layer.keyHeads = keyHeads.value_or(layer.keyHeads);
    }
    ConfigFields overrides = fields.inner("per_layer_config");
    for (const std::string &key : overrides.unread())
      readOverride(overrides, key, headDim.has_value(), keyHeads.has_value());
    fields.absorb(overrides);
  }

  void readOverride(ConfigFields &overrides, const std::string &key, bool globalDimGiven,
                    bool globalHeadsGiven) {
    int64_t index = 0;
    if (StringRef(key).getAsInteger(10, index) || index < 0 || index >= int64_t(config.layers.size()))
      return overrides.fail(key, "is not the index of one of " + Twine(config.layers.size()) + " layers");
    LayerConfig &layer = config.layers[index];
    ConfigFields entry = overrides.inner(key);
    int64_t headDim = entry.integer("head_dim", layer.headDim, 2, kMostHeadDim);
    int64_t keyHeads = entry.integer("num_key_value_heads", layer.keyHeads, 1, kMostHeads);
    if (layer.global() && globalDimGiven && headDim != layer.headDim)
      entry.fail("head_dim", "contradicts 'global_head_dim'");
    if (layer.global() && globalHeadsGiven && keyHeads != layer.keyHeads)
      entry.fail("num_key_value_heads", "contradicts 'num_global_key_value_heads'");
    layer.headDim = headDim;
    layer.keyHeads = keyHeads;
    entry.refuseTheRest();
    overrides.absorb(entry);
  }
};

const Defaults *findDefaults(StringRef modelType, bool &nested) {
  nested = !modelType.ends_with("_text");
  return llvm::StringSwitch<const Defaults *>(modelType)
      .Cases({"gemma4", "gemma4_text"}, &kGemma4)
      .Cases({"gemma4_unified", "gemma4_unified_text"}, &kGemma4Unified)
      .Cases({"gemma3", "gemma3_text"}, &kGemma3)
      .Default(nullptr);
}

/// Keys beside text_config that also concern the text model: those inside text_config win, and both must
/// agree on whether the head is tied.
void mergeOuterKeys(ConfigFields &outer, ConfigFields &text, ModelConfig &config) {
  bool tied = outer.boolean("tie_word_embeddings", config.tiedHead);
  if (tied != config.tiedHead && text.has("tie_word_embeddings"))
    outer.fail("tie_word_embeddings", "contradicts 'text_config.tie_word_embeddings'");
  config.tiedHead = tied;
  std::vector<int32_t> bos = outer.ids("bos_token_id", config.vocabulary);
  if (!config.bos && !bos.empty())
    config.bos = bos.front();
  std::vector<int32_t> eos = outer.ids("eos_token_id", config.vocabulary);
  addStops(eos, config.eos);
  config.eos = eos;
}

void remarkIdle(ModelConfig &config, const std::vector<std::string> &keys) {
  if (keys.empty())
    return;
  std::string names;
  for (const std::string &key : keys)
    names += (names.empty() ? "" : ", ") + inQuotes(key);
  config.remarks.push_back(config.file + ": no result depends on " + names +
                           (keys.size() == 1 ? ", which is left out" : ", which are left out"));
}

Expected<ModelConfig> readFlat(ConfigFields &fields, const Defaults &defaults, const std::string &path) {
  ModelConfig config = ConfigReader(fields, defaults, path).read();
  fields.ignore(kSilentKeys);
  remarkIdle(config, fields.ignoreIf(isIdleKey));
  fields.refuseTheRest();
  if (llvm::Error error = fields.takeError())
    return error;
  return config;
}

Expected<ModelConfig> readNested(ConfigFields &fields, const Defaults &defaults, const std::string &path) {
  if (!fields.given("text_config"))
    fields.fail("text_config", "is missing");
  ConfigFields text = fields.inner("text_config");
  std::string type = text.string("model_type", defaults.textType.str());
  if (type != defaults.textType)
    text.fail("model_type", "is " + inQuotes(type) + ", but '" + defaults.textType + "' is needed");
  ModelConfig config = ConfigReader(text, defaults, path).read();
  text.ignore(kSilentKeys);
  std::vector<std::string> idle = text.ignoreIf(isIdleKey);
  text.refuseTheRest();
  fields.absorb(text);
  mergeOuterKeys(fields, text, config);
  fields.ignore(kSilentKeys);
  fields.ignore({"vision_config", "audio_config"});
  llvm::append_range(idle, fields.ignoreIf(isIdleKey));
  remarkIdle(config, idle);
  fields.refuseTheRest();
  if (llvm::Error error = fields.takeError())
    return error;
  return config;
}

} // namespace

Expected<ModelConfig> readModelConfig(const std::string &directory) {
  std::string path = pathIn(directory, "config.json");
  Expected<json> object = readJsonFile(path);
  if (!object)
    return object.takeError();
  ConfigFields fields(path, *object);
  std::string type = fields.string("model_type", std::nullopt);
  bool nested = false;
  const Defaults *defaults = findDefaults(type, nested);
  if (!defaults)
    fields.fail("model_type", "is " + inQuotes(type) +
                                  ", but gemma4, gemma4_text, gemma4_unified, gemma4_unified_text, gemma3 or "
                                  "gemma3_text is needed");
  if (llvm::Error error = fields.takeError())
    return error;
  Expected<std::optional<Quantization>> quantization = takeQuantization(path, *object);
  if (!quantization)
    return quantization.takeError();
  Expected<ModelConfig> config =
      nested ? readNested(fields, *defaults, path) : readFlat(fields, *defaults, path);
  if (config)
    config->quantization = std::move(*quantization);
  return config;
}

} // namespace gemmac
