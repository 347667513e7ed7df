//===- GgufConfigTest.cpp - the model that the metadata of a GGUF file describes ------------------------===//

#include "compiler/import/GgufConfig.h"
#include "Folder.h"
#include "GgufBytes.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <functional>

namespace gemmac {
namespace {

using Type = GgufValue::Type;
using Words = std::vector<std::string>;

constexpr uint32_t kF32 = 0;

/// The metadata of a small model, key by key, and the tensors that say more of it.
struct Model {
  std::map<std::string, std::function<void(GgufBytes &, const std::string &)>> keys;
  std::map<std::string, std::vector<uint64_t>> shapes; ///< as files list them, the fastest axis first
  std::vector<float> divisors;                         ///< of rope_freqs.weight

  Model &is(const std::string &key, uint32_t value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::u32, value); };
    return *this;
  }
  Model &is(const std::string &key, int32_t value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::i32, value); };
    return *this;
  }
  Model &is(const std::string &key, float value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::f32, value); };
    return *this;
  }
  Model &is(const std::string &key, bool value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) {
      bytes.key(name, Type::boolean, uint8_t(value));
    };
    return *this;
  }
  Model &is(const std::string &key, const char *value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, std::string_view(value)); };
    return *this;
  }
  Model &is(const std::string &key, const std::vector<int32_t> &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, Type::i32, values); };
    return *this;
  }
  Model &flags(const std::string &key, const std::vector<uint8_t> &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, Type::boolean, values); };
    return *this;
  }
  Model &is(const std::string &key, const Words &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, values); };
    return *this;
  }
  Model &without(const std::string &key) {
    keys.erase(key);
    shapes.erase(key);
    return *this;
  }

  std::string bytes() const {
    GgufBytes bytes;
    for (const auto &[name, write] : keys)
      write(bytes, name);
    for (const auto &[name, shape] : shapes) {
      uint64_t numbers = 1;
      for (uint64_t size : shape)
        numbers *= size;
      bytes.tensor(name, shape, kF32, std::string(numbers * 4, '\0'));
    }
    if (!divisors.empty())
      bytes.tensor("rope_freqs.weight", {divisors.size()}, kF32,
                   std::string(reinterpret_cast<const char *>(divisors.data()), divisors.size() * 4));
    return bytes.bytes();
  }
};

/// Seven layers of Gemma 3 as released files describe them.
Model gemma3() {
  Model model;
  model.is("general.architecture", "gemma3")
      .is("gemma3.block_count", 7u)
      .is("gemma3.embedding_length", 32u)
      .is("gemma3.context_length", 1024u)
      .is("gemma3.feed_forward_length", 64u)
      .is("gemma3.attention.head_count", 4u)
      .is("gemma3.attention.head_count_kv", 2u)
      .is("gemma3.attention.key_length", 16u)
      .is("gemma3.attention.value_length", 16u)
      .is("gemma3.attention.sliding_window", 8u)
      .is("gemma3.attention.layer_norm_rms_epsilon", 1e-6f)
      .is("gemma3.rope.freq_base", 1e6f)
      .is("tokenizer.ggml.bos_token_id", 2u)
      .is("tokenizer.ggml.eos_token_id", 1u);
  model.shapes["token_embd.weight"] = {32, 10};
  return model;
}

/// Six layers of Gemma 4 with everything that makes layers differ: the last two read keys of others.
Model gemma4() {
  Model model;
  model.is("general.architecture", "gemma4")
      .is("gemma4.block_count", 6u)
      .is("gemma4.embedding_length", 32u)
      .is("gemma4.context_length", 1024u)
      .is("gemma4.feed_forward_length", std::vector<int32_t>{64, 64, 64, 64, 128, 128})
      .is("gemma4.attention.head_count", 4u)
      .is("gemma4.attention.head_count_kv", std::vector<int32_t>{2, 2, 1, 2, 2, 1})
      .is("gemma4.attention.key_length", 16u)
      .is("gemma4.attention.value_length", 16u)
      .is("gemma4.attention.key_length_swa", 8u)
      .is("gemma4.attention.value_length_swa", 8u)
      .is("gemma4.rope.dimension_count", 16u)
      .is("gemma4.rope.dimension_count_swa", 8u)
      .is("gemma4.attention.sliding_window", 8u)
      .flags("gemma4.attention.sliding_window_pattern", {1, 1, 0, 1, 1, 0})
      .is("gemma4.attention.shared_kv_layers", 2u)
      .is("gemma4.attention.layer_norm_rms_epsilon", 1e-6f)
      .is("gemma4.rope.freq_base", 1e6f)
      .is("gemma4.rope.freq_base_swa", 1e4f)
      .is("gemma4.final_logit_softcapping", 30.0f)
      .is("gemma4.embedding_length_per_layer_input", 4u)
      .is("gemma4.expert_count", 8u)
      .is("gemma4.expert_used_count", 2u)
      .is("gemma4.expert_feed_forward_length", 12u);
  model.shapes = {{"token_embd.weight", {32, 10}},           {"per_layer_token_embd.weight", {24, 11}},
                  {"blk.0.attn_v.weight", {32, 16}},         {"blk.1.attn_v.weight", {32, 16}},
                  {"blk.3.attn_v.weight", {32, 16}},         {"blk.4.attn_v.weight", {32, 16}},
                  {"blk.0.ffn_down_exps.weight", {6, 32, 8}}};
  model.divisors = {1, 1, 1e30f, 1e30f, 1e30f, 1e30f, 1e30f, 1e30f};
  return model;
}

class GgufConfig : public testing::Test {
protected:
  Folder folder;
  std::unique_ptr<GgufFile> file;

  const GgufFile &open(const Model &model) {
    folder.write("model.gguf", model.bytes());
    file = llvm::cantFail(GgufFile::open(folder.string() + "/model.gguf"));
    return *file;
  }
  ModelConfig read(const Model &model) {
    llvm::Expected<ModelConfig> config = readGgufConfig(open(model));
    if (config)
      return std::move(*config);
    ADD_FAILURE() << llvm::toString(config.takeError());
    return {};
  }
  GenerationConfig generation(const Model &model) {
    ModelConfig config = read(model);
    llvm::Expected<GenerationConfig> generation = readGgufGeneration(*file, config);
    if (generation)
      return std::move(*generation);
    ADD_FAILURE() << llvm::toString(generation.takeError());
    return {};
  }
  void expectRefused(const Model &model, const std::string &message) {
    std::string error = errorOf(readGgufConfig(open(model)));
    EXPECT_SAYS(error, "model.gguf: ");
    EXPECT_SAYS(error, message);
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
};

TEST_F(GgufConfig, Gemma3) {
  ModelConfig config = read(gemma3());
  EXPECT_EQ(config.family, ModelFamily::gemma3);
  EXPECT_EQ(config.vocabulary, 10);
  EXPECT_EQ(config.hidden, 32);
  EXPECT_EQ(config.heads, 4);
  EXPECT_EQ(config.context, 1024);
  EXPECT_EQ(float(config.eps), 1e-6f);
  EXPECT_EQ(config.attentionScale, 0.25);
  EXPECT_FALSE(config.softcap);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_FALSE(config.experts);
  EXPECT_EQ(config.perLayerWidth, 0);
  EXPECT_EQ(config.bos, 2);
  EXPECT_EQ(config.eos, (std::vector<int32_t>{1}));
  ASSERT_EQ(config.layers.size(), 7u);
  for (const auto &[index, layer] : llvm::enumerate(config.layers)) {
    EXPECT_EQ(layer.global(), index == 5);
    EXPECT_EQ(layer.window.value_or(0), index == 5 ? 0 : 8);
    EXPECT_EQ(layer.headDim, 16);
    EXPECT_EQ(layer.keyHeads, 2);
    EXPECT_EQ(layer.ffnWidth, 64);
    EXPECT_EQ(layer.donor, int64_t(index));
    EXPECT_TRUE(layer.ownsKeys && layer.valueProjection);
    EXPECT_EQ(layer.rope.theta, index == 5 ? 1e6 : 1e4);
    EXPECT_EQ(layer.rope.pairs, 8);
    EXPECT_EQ(layer.rope.factor, 1.0);
  }
}

// Only global layers are scaled, as files of 4B and more want it.
TEST_F(GgufConfig, LinearScalingConcernsGlobalLayers) {
  Model model = gemma3().is("gemma3.rope.scaling.type", "linear").is("gemma3.rope.scaling.factor", 8.0f);
  ModelConfig config = read(model);
  EXPECT_EQ(config.layers[5].rope.factor, 8.0);
  EXPECT_EQ(config.layers[4].rope.factor, 1.0);
  EXPECT_EQ(read(model.without("gemma3.rope.scaling.type")).layers[5].rope.factor, 8.0);
  EXPECT_EQ(read(model.is("gemma3.rope.scaling.type", "none")).layers[5].rope.factor, 1.0);
}

TEST_F(GgufConfig, PatternInBothSpellings) {
  auto globals = [](const ModelConfig &config) {
    std::vector<int> indices;
    for (const auto &[index, layer] : llvm::enumerate(config.layers))
      if (layer.global())
        indices.push_back(int(index));
    return indices;
  };
  const std::string key = "gemma3.attention.sliding_window_pattern";
  EXPECT_EQ(globals(read(gemma3().is(key, 3u))), (std::vector<int>{2, 5}));
  EXPECT_EQ(globals(read(gemma3().is(key, 0u))), (std::vector<int>{}));
  EXPECT_EQ(globals(read(gemma3().flags(key, {0, 1, 1, 1, 1, 1, 0}))), (std::vector<int>{0, 6}));
  EXPECT_EQ(globals(read(gemma3().is(key, std::vector<int32_t>{1, 0, 1, 1, 1, 1, 1}))),
            (std::vector<int>{1}));
  EXPECT_EQ(globals(read(gemma3().without("gemma3.attention.sliding_window"))).size(), 7u);
}

// 27B: 5376 / 32 instead of the heads' 128.
TEST_F(GgufConfig, TheLargestGemma3ScalesQueriesInItsOwnWay) {
  ModelConfig config = read(gemma3().is("gemma3.block_count", 62u));
  EXPECT_EQ(config.attentionScale, 1.0 / std::sqrt(8.0));
}

TEST_F(GgufConfig, Gemma4) {
  ModelConfig config = read(gemma4());
  EXPECT_EQ(config.family, ModelFamily::gemma4);
  EXPECT_EQ(config.attentionScale, 1.0);
  EXPECT_EQ(config.softcap, 30.0);
  EXPECT_EQ(config.perLayerWidth, 4);
  EXPECT_EQ(config.perLayerVocabulary, 11);
  ASSERT_TRUE(config.experts);
  EXPECT_EQ(config.experts->count, 8);
  EXPECT_EQ(config.experts->chosen, 2);
  EXPECT_EQ(config.experts->width, 12);
  ASSERT_EQ(config.layers.size(), 6u);
  const int64_t donors[] = {0, 1, 2, 3, 3, 2};
  for (const auto &[index, layer] : llvm::enumerate(config.layers)) {
    bool global = index == 2 || index == 5;
    EXPECT_EQ(layer.global(), global);
    EXPECT_EQ(layer.headDim, global ? 16 : 8);
    EXPECT_EQ(layer.keyHeads, global ? 1 : 2);
    EXPECT_EQ(layer.ffnWidth, index < 4 ? 64 : 128);
    EXPECT_EQ(layer.ownsKeys, index < 4);
    EXPECT_EQ(layer.donor, donors[index]);
    // Layer 2 has no attn_v: its values are its keys. The last two have one that nobody reads.
    EXPECT_EQ(layer.valueProjection, index < 4 && index != 2);
    EXPECT_EQ(layer.rope.theta, global ? 1e6 : 1e4);
    EXPECT_EQ(layer.rope.pairs, global ? 2 : 4);
  }
}

TEST_F(GgufConfig, TensorsSayWhatNoKeyDoes) {
  Model model = gemma4();
  model.without("gemma4.expert_feed_forward_length").shapes["output.weight"] = {32, 10};
  ModelConfig config = read(model);
  EXPECT_EQ(config.experts->width, 6);
  EXPECT_FALSE(config.tiedHead);
}

TEST_F(GgufConfig, WhatIsSwitchedOffMayBeAbsentOrZero) {
  ModelConfig config = read(gemma4()
                                .is("gemma4.final_logit_softcapping", 0.0f)
                                .is("gemma4.attn_logit_softcapping", 0.0f)
                                .is("gemma4.embedding_length_per_layer_input", 0u)
                                .without("gemma4.expert_count")
                                .without("gemma4.attention.shared_kv_layers"));
  EXPECT_FALSE(config.softcap);
  EXPECT_FALSE(config.experts);
  EXPECT_EQ(config.perLayerWidth, 0);
  EXPECT_TRUE(config.layers.back().ownsKeys);
}

TEST_F(GgufConfig, KeysOfTowersAreLeftAlone) {
  read(gemma3()
           .is("gemma3.vision.block_count", 27u)
           .is("gemma3.mm.tokens_per_image", 256u)
           .is("gemma3.rope.scaling.finetuned", true)
           .is("general.name", "anything")
           .is("quantize.imatrix.file", "anything"));
}

TEST_F(GgufConfig, GenerationStopsWhereTheFileAndTheVocabularySay) {
  Model model = gemma3().is("tokenizer.ggml.eot_token_id", 7u);
  model.is("tokenizer.ggml.tokens", Words{"a", "b", "<bos>", "<eos>", "<end_of_turn>", "<turn|>", "f", "g"});
  GenerationConfig config = generation(model);
  EXPECT_EQ(config.bos, 2);
  EXPECT_EQ(config.stop, (std::vector<int32_t>{1, 7, 3, 4, 5}));
  EXPECT_EQ(config.topK, 64);
  EXPECT_EQ(config.temperature, 1.0);
  EXPECT_TRUE(config.suppress.empty());
  config = generation(model.is("tokenizer.ggml.suppress_tokens", std::vector<int32_t>{9, 8})
                          .is("general.sampling.temp", 0.5f)
                          .is("general.sampling.top_k", 5u)
                          .is("general.sampling.top_p", 0.25f)
                          .is("general.sampling.min_p", 0.125f)
                          .is("general.sampling.penalty_repeat", 1.5f)
                          .is("general.sampling.sequence", "top_k;temp"));
  EXPECT_EQ(config.suppress, (std::vector<int32_t>{9, 8}));
  EXPECT_EQ(config.temperature, 0.5);
  EXPECT_EQ(config.topK, 5);
  EXPECT_EQ(config.topP, 0.25);
  EXPECT_EQ(config.minP, 0.125);
  EXPECT_EQ(config.repetitionPenalty, 1.5);
}

TEST_F(GgufConfig, RefusesBadGeneration) {
  auto error = [&](const Model &model) {
    ModelConfig config = read(model);
    return errorOf(readGgufGeneration(*file, config));
  };
  EXPECT_SAYS(error(gemma3().is("tokenizer.ggml.suppress_tokens", std::vector<int32_t>{10})),
              "key 'tokenizer.ggml.suppress_tokens': holds 10, but the vocabulary's ids go from 0 to 9");
  EXPECT_SAYS(error(gemma3().is("general.sampling.top_p", 2.0f)),
              "'general.sampling.top_p' is '2.0', but must be a number from 0 to 1");
}

TEST_F(GgufConfig, RefusesOtherModels) {
  expectRefused(gemma3().is("general.architecture", "gemma3n"),
                "key 'general.architecture': is 'gemma3n', but 'gemma4' or 'gemma3' is needed");
  expectRefused(gemma3().without("general.architecture"), "key 'general.architecture': is ''");
  expectRefused(gemma3().is("general.architecture", 3u), "key 'general.architecture': is an integer");
  expectRefused(gemma3().without("token_embd.weight"), "has no embedding table, 'token_embd.weight'");
}

TEST_F(GgufConfig, RefusesKeysThatNobodyKnows) {
  expectRefused(gemma3().is("gemma3.rope.scaling.yarn_beta_fast", 32.0f),
                "'gemma3.rope.scaling.yarn_beta_fast' is not a key that this compiler knows");
  expectRefused(gemma3().is("gemma3.tensors", Words{"a"}), "'gemma3.tensors' is not a key");
  // Known to Gemma 4 only.
  expectRefused(gemma3().is("gemma3.expert_count", 8u), "'gemma3.expert_count' is not a key");
  expectRefused(gemma3().is("gemma3.attention.shared_kv_layers", 2u),
                "'gemma3.attention.shared_kv_layers' is not a key");
}

TEST_F(GgufConfig, RefusesBadSizes) {
  expectRefused(gemma3().without("gemma3.block_count"), "'gemma3.block_count' is missing");
  expectRefused(gemma3().is("gemma3.block_count", 0u), "'gemma3.block_count' is '0', but must be an integer");
  expectRefused(gemma3().is("gemma3.block_count", 4000000000u), "'gemma3.block_count' is '4000000000'");
  expectRefused(gemma3().is("gemma3.block_count", -1), "'gemma3.block_count' is '-1'");
  expectRefused(gemma3().is("gemma3.block_count", 7.0f), "'gemma3.block_count' is '7.0'");
  expectRefused(gemma3().is("gemma3.block_count", "seven"), "'gemma3.block_count' is '\"seven\"'");
  expectRefused(gemma3().is("gemma3.block_count", "\xff"), "'gemma3.block_count' is");
  expectRefused(gemma3().is("gemma3.embedding_length", true), "'gemma3.embedding_length' is 'true'");
  expectRefused(gemma3().is("gemma3.context_length", std::vector<int32_t>{1}),
                "'gemma3.context_length' is a list, but");
  expectRefused(gemma3().is("gemma3.vocab_size", 11u), "'gemma3.vocab_size' is not 10, the rows of");
  expectRefused(gemma3().is("gemma3.attention.layer_norm_rms_epsilon", -1.0f), "must be a number from 1e-30");
  expectRefused(gemma3().is("gemma3.attention.layer_norm_rms_epsilon", std::nanf("")),
                "is 'nan', but must be a number");
  expectRefused(gemma3().is("tokenizer.ggml.bos_token_id", 10u),
                "key 'tokenizer.ggml.bos_token_id': is 10, but the vocabulary's ids go from 0 to 9");
  expectRefused(gemma3().is("tokenizer.ggml.eos_token_id", -2), "key 'tokenizer.ggml.eos_token_id': is -2");
}

TEST_F(GgufConfig, RefusesBadLayers) {
  expectRefused(gemma4().is("gemma4.feed_forward_length", std::vector<int32_t>{64}),
                "'gemma4.feed_forward_length' has 1 entries, but 6 are needed");
  expectRefused(gemma4().is("gemma4.attention.head_count_kv", std::vector<int32_t>{2, 2, 0, 2, 2, 1}),
                "'gemma4.attention.head_count_kv' holds '0', but must hold integers from 1");
  expectRefused(gemma4().is("gemma4.attention.head_count", std::vector<int32_t>{4, 4, 2, 4, 4, 4}),
                "'gemma4.attention.head_count' must be the same for all layers");
  expectRefused(gemma4().is("gemma4.attention.head_count_kv", 3u), "cannot share evenly");
  expectRefused(gemma4().is("gemma4.attention.value_length", 8u),
                "'gemma4.attention.value_length' is 8, but must be 16 as 'attention.key_length'");
  expectRefused(gemma4().is("gemma4.rope.dimension_count_swa", 4u),
                "'gemma4.rope.dimension_count_swa' is 4, but must be 8");
  expectRefused(gemma3().is("gemma3.attention.key_length", 15u).is("gemma3.attention.value_length", 15u),
                "'gemma3.attention.key_length' is 15 in layer 0, but rotation needs pairs");
  expectRefused(gemma4().is("gemma4.attention.shared_kv_layers", 4u),
                "'gemma4.attention.shared_kv_layers' leaves layer 2 without a layer of its kind");
  expectRefused(gemma4().is("gemma4.attention.shared_kv_layers", 6u), "must be an integer from 0 to 5");
  expectRefused(gemma4().without("gemma4.attention.sliding_window_pattern"), "pattern' is missing");
  expectRefused(gemma4().is("gemma4.attention.sliding_window", 0u),
                "must be at least 1, as some layers slide");
  expectRefused(gemma4().is("gemma4.attention.sliding_window_pattern", Words{"sliding"}),
                "'gemma4.attention.sliding_window_pattern' is");
  expectRefused(
      gemma4().is("gemma4.attention.sliding_window_pattern", std::vector<int32_t>{1, 1, 2, 1, 1, 0}),
      "holds '2', but must hold integers from 0 to 1");
}

TEST_F(GgufConfig, RefusesBadRotation) {
  expectRefused(gemma3().without("gemma3.rope.freq_base"), "'gemma3.rope.freq_base' is missing");
  expectRefused(gemma3().is("gemma3.rope.freq_base", 0.0f), "'gemma3.rope.freq_base' is '0.0'");
  expectRefused(gemma3().is("gemma3.rope.scaling.type", "yarn"),
                "'gemma3.rope.scaling.type' is 'yarn', but 'linear' or 'none' is needed");
  expectRefused(gemma3().is("gemma3.rope.scaling.factor", -1.0f), "'gemma3.rope.scaling.factor' is '-1.0'");
  const std::string needs =
      "needs a tensor 'rope_freqs.weight' of 8 numbers, ones before numbers above 1e+20";
  Model model = gemma4();
  model.divisors = {};
  expectRefused(model, "'gemma4.rope.dimension_count' " + needs);
  model.divisors = {1, 1, 1e30f, 1e30f};
  expectRefused(model, "'gemma4.rope.dimension_count' " + needs);
  model.divisors = {1, 1, 1e30f, 1, 1e30f, 1e30f, 1e30f, 1e30f};
  expectRefused(model, "'gemma4.rope.dimension_count' " + needs + ": number 3 is 1.000000");
  model.divisors = {1, 2, 4, 8, 8, 8, 8, 8};
  expectRefused(model, "'gemma4.rope.dimension_count' " + needs + ": number 1 is 2.000000");
}

TEST_F(GgufConfig, RefusesOtherArithmetic) {
  expectRefused(gemma3().is("gemma3.attn_logit_softcapping", 50.0f), "attention has no softcap");
  expectRefused(gemma3().is("gemma3.attention.causal", false), "only causal models are compiled");
  expectRefused(gemma3().is("gemma3.final_logit_softcapping", -30.0f), "must be a number from 0");
  expectRefused(gemma4().is("gemma4.expert_used_count", 9u), "must be from 1 to the number of experts, 8");
  expectRefused(gemma4().is("gemma4.expert_feed_forward_length", std::vector<int32_t>{12, 12, 12, 12, 12, 8}),
                "must be at least 1, and the same for all layers");
  expectRefused(gemma4().without("gemma4.expert_feed_forward_length").without("blk.0.ffn_down_exps.weight"),
                "'gemma4.expert_feed_forward_length' must be at least 1");
  Model model = gemma4();
  model.shapes["per_layer_token_embd.weight"] = {24, 9};
  expectRefused(model, "with a row for each of the 10 tokens");
}

} // namespace
} // namespace gemmac
