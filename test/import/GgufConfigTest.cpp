//===- GgufConfigTest.cpp - the model that the metadata of a GGUF file describes ------------------------===//

#include "GgufModel.h"
#include <cmath>

namespace gemmac {
namespace {

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

TEST_F(GgufConfig, WhatKeysDoNotSayIsTakenFromTensorsOrTheFamily) {
  Model model = gemma4();
  for (const char *key :
       {"feed_forward_length", "attention.key_length", "attention.key_length_swa", "rope.freq_base",
        "rope.freq_base_swa", "attention.value_length", "rope.dimension_count", "attention.value_length_swa",
        "rope.dimension_count_swa", "embedding_length", "context_length", "attention.layer_norm_rms_epsilon"})
    model.without(std::string("gemma4.") + key);
  for (uint64_t layer = 0; layer < 6; ++layer) {
    std::string block = "blk." + std::to_string(layer);
    model.shapes[block + ".ffn_gate.weight"] = {32, 60 + layer};
    model.shapes[block + ".attn_q_norm.weight"] = {layer % 3 == 2 ? 16u : 8u};
  }
  ModelConfig config = read(model);
  EXPECT_EQ(config.hidden, 32);
  EXPECT_EQ(config.context, 131072);
  ASSERT_EQ(config.remarks.size(), 1u);
  EXPECT_SAYS(config.remarks[0], "does not say for how many positions its model was made; 131072");
  ASSERT_EQ(config.layers.size(), 6u);
  for (const auto &[index, layer] : llvm::enumerate(config.layers)) {
    EXPECT_EQ(layer.ffnWidth, 60 + int64_t(index));
    EXPECT_EQ(layer.headDim, layer.global() ? 16 : 8);
    EXPECT_EQ(layer.rope.theta, layer.global() ? 1e6 : 1e4);
  }
  EXPECT_EQ(read(gemma3().without("gemma3.attention.head_count_kv")).layers[0].keyHeads, 4);
  expectRefused(gemma3().without("gemma3.feed_forward_length"), "'gemma3.feed_forward_length' is missing");
  expectRefused(gemma3().without("gemma3.attention.key_length"), "'gemma3.attention.key_length' is missing");
}

TEST_F(GgufConfig, OllamaHasNamesOfItsOwnForRotation) {
  Model model = gemma3().without("gemma3.rope.freq_base");
  ModelConfig config =
      read(model.is("gemma3.rope.global.freq_base", 5e5f).is("gemma3.rope.local.freq_base", 2e4f));
  EXPECT_EQ(config.layers[5].rope.theta, 5e5);
  EXPECT_EQ(config.layers[0].rope.theta, 2e4);
  expectRefused(model.is("gemma3.rope.freq_base", 1e6f),
                "'gemma3.rope.global.freq_base' contradicts 'rope.freq_base'");
  EXPECT_EQ(read(model.is("gemma3.rope.freq_base", 5e5f)).layers[5].rope.theta, 5e5);
}

TEST_F(GgufConfig, KeysOfTowersAreLeftAlone) {
  read(gemma3()
           .is("gemma3.vision.block_count", 27u)
           .is("gemma3.mm.tokens_per_image", 256u)
           .is("gemma3.rope.scaling.finetuned", true)
           .is("general.name", "anything")
           .is("quantize.imatrix.file", "anything"));
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
