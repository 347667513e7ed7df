//===- ModelConfigTest.cpp - every shape of the family, and configurations that say nonsense ------------===//

#include "compiler/import/ModelConfig.h"
#include "Folder.h"

using nlohmann::json;

namespace gemmac {
namespace {

llvm::Expected<ModelConfig> read(const json &config) {
  Folder folder;
  folder.writeJson("config.json", config);
  return readModelConfig(folder.string());
}

ModelConfig readOk(const json &config) {
  llvm::Expected<ModelConfig> result = read(config);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }
  return std::move(*result);
}

json patched(json base, const json &patch) {
  base.update(patch);
  return base;
}

std::vector<std::string> pattern(int sliding, int times) {
  std::vector<std::string> types;
  for (int i = 0; i < times; ++i) {
    types.insert(types.end(), sliding, "sliding_attention");
    types.push_back("full_attention");
  }
  return types;
}

json nested(const char *type, const json &text) {
  return {{"model_type", type},
          {"architectures", {"Gemma4ForConditionalGeneration"}},
          {"text_config",
           patched({{"model_type", std::string(type) + "_text"}, {"final_logit_softcapping", 30.0}}, text)},
          {"vision_config", {{"unheard_of", 1}}},
          {"audio_config", nullptr},
          {"eos_token_id", {1, 106}},
          {"eoa_token_index", 258883},
          {"dtype", "bfloat16"}};
}

/// Four layers that tests can bend.
json small() {
  return {{"model_type", "gemma4_text"},
          {"vocab_size", 64},
          {"hidden_size", 32},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 8},
          {"global_head_dim", 16},
          {"intermediate_size", 48},
          {"num_hidden_layers", 4},
          {"sliding_window", 4},
          {"max_position_embeddings", 64},
          {"hidden_size_per_layer_input", 0},
          {"layer_types", {"sliding_attention", "full_attention", "sliding_attention", "full_attention"}}};
}

TEST(ModelConfig, E2B) {
  ModelConfig config = readOk(nested("gemma4", {{"hidden_size", 1536},
                                                {"num_hidden_layers", 35},
                                                {"layer_types", pattern(4, 7)},
                                                {"num_attention_heads", 8},
                                                {"num_key_value_heads", 1},
                                                {"intermediate_size", 6144},
                                                {"use_double_wide_mlp", true},
                                                {"num_kv_shared_layers", 20},
                                                {"attention_k_eq_v", false},
                                                {"num_global_key_value_heads", nullptr}}));
  ASSERT_EQ(config.layers.size(), 35u);
  EXPECT_EQ(config.perLayerWidth, 256); // by default
  EXPECT_EQ(config.context, 131072);
  EXPECT_EQ(config.softcap, 30.0);
  EXPECT_EQ(config.eos, (std::vector<int32_t>{1, 106}));
  const LayerConfig &sliding = config.layers[0], &global = config.layers[4];
  EXPECT_EQ(sliding.window, 512);
  EXPECT_EQ(sliding.headDim, 256);
  EXPECT_EQ(sliding.rope.pairs, 128);
  EXPECT_EQ(sliding.rope.theta, 1e4);
  EXPECT_TRUE(global.global());
  EXPECT_EQ(global.headDim, 512);
  EXPECT_EQ(global.keyHeads, 1);
  EXPECT_EQ(global.rope.pairs, 64);
  EXPECT_EQ(global.rope.theta, 1e6);
  EXPECT_TRUE(config.layers[14].ownsKeys);
  EXPECT_EQ(config.layers[14].ffnWidth, 6144);
  EXPECT_FALSE(config.layers[15].ownsKeys);
  EXPECT_FALSE(config.layers[15].valueProjection);
  EXPECT_EQ(config.layers[15].ffnWidth, 12288);
  EXPECT_EQ(config.layers[15].donor, 13);
  EXPECT_EQ(config.layers[34].donor, 14);
}

TEST(ModelConfig, E4B) {
  ModelConfig config = readOk(nested("gemma4", {{"hidden_size", 2560},
                                                {"num_hidden_layers", 42},
                                                {"layer_types", pattern(5, 7)},
                                                {"num_key_value_heads", 2},
                                                {"intermediate_size", 10240},
                                                {"num_kv_shared_layers", 18}}));
  EXPECT_EQ(config.layers[24].donor, 22);
  EXPECT_EQ(config.layers[41].donor, 23);
  EXPECT_EQ(config.layers[41].ffnWidth, 10240);
}

TEST(ModelConfig, Unified12B) {
  ModelConfig config = readOk(nested("gemma4_unified", {{"hidden_size", 3840},
                                                        {"num_hidden_layers", 48},
                                                        {"num_attention_heads", 16},
                                                        {"num_key_value_heads", 8},
                                                        {"num_global_key_value_heads", 1},
                                                        {"attention_k_eq_v", true},
                                                        {"hidden_size_per_layer_input", 0},
                                                        {"use_bidirectional_attention", "vision"}}));
  EXPECT_EQ(config.context, 262144);
  EXPECT_EQ(config.layers[0].window, 1024);
  EXPECT_EQ(config.perLayerWidth, 0);
  EXPECT_EQ(config.layers[0].keyHeads, 8);
  EXPECT_TRUE(config.layers[0].valueProjection);
  EXPECT_EQ(config.layers[5].keyHeads, 1);
  EXPECT_FALSE(config.layers[5].valueProjection);
  EXPECT_TRUE(config.layers[5].ownsKeys);
}

TEST(ModelConfig, ExpertsOf26B) {
  ModelConfig config = readOk(nested("gemma4", {{"hidden_size", 2816},
                                                {"num_attention_heads", 16},
                                                {"num_key_value_heads", 8},
                                                {"num_global_key_value_heads", 2},
                                                {"attention_k_eq_v", true},
                                                {"hidden_size_per_layer_input", nullptr},
                                                {"intermediate_size", 2112},
                                                {"enable_moe_block", true},
                                                {"num_experts", 128},
                                                {"top_k_experts", 8},
                                                {"moe_intermediate_size", 704},
                                                {"sliding_window", 1024}}));
  ASSERT_TRUE(config.experts);
  EXPECT_EQ(config.experts->count, 128);
  EXPECT_EQ(config.experts->chosen, 8);
  EXPECT_EQ(config.experts->width, 704);
  EXPECT_EQ(config.layers[29].keyHeads, 2);
}

TEST(ModelConfig, DefaultsOfGemma4) {
  ModelConfig config = readOk({{"model_type", "gemma4_text"}});
  ASSERT_EQ(config.layers.size(), 30u);
  EXPECT_EQ(config.vocabulary, 262144);
  EXPECT_EQ(config.hidden, 2304);
  EXPECT_EQ(config.heads, 8);
  EXPECT_EQ(config.layers[0].keyHeads, 4);
  EXPECT_EQ(config.layers[0].ffnWidth, 9216);
  EXPECT_EQ(config.layers[0].window, 512);
  EXPECT_TRUE(config.layers[5].global());
  EXPECT_EQ(config.layers[5].headDim, 512);
  EXPECT_EQ(config.perLayerWidth, 256);
  EXPECT_EQ(config.perLayerVocabulary, 262144);
  EXPECT_FALSE(config.softcap);
  EXPECT_TRUE(config.tiedHead);
  EXPECT_EQ(config.attentionScale, 1.0);
}

TEST(ModelConfig, TheLastLayerIsGlobalWhateverTheListSays) {
  ModelConfig config =
      readOk(patched(small(), {{"layer_types", std::vector<std::string>(4, "sliding_attention")}}));
  EXPECT_FALSE(config.layers[2].global());
  EXPECT_TRUE(config.layers[3].global());
  EXPECT_EQ(config.layers[3].headDim, 16);
}

TEST(ModelConfig, GlobalKeyHeadsCountOnlyWhereKeysAreValues) {
  EXPECT_EQ(readOk(patched(small(), {{"num_global_key_value_heads", 1}})).layers[1].keyHeads, 2);
  EXPECT_EQ(readOk(patched(small(), {{"num_global_key_value_heads", 1}, {"attention_k_eq_v", true}}))
                .layers[1]
                .keyHeads,
            1);
}

TEST(ModelConfig, GeometryLayerByLayer) {
  json config = patched(
      small(), {{"per_layer_config",
                 {{"01", {{"head_dim", 16}}}, {"3", {{"head_dim", 32}, {"num_key_value_heads", 4}}}}}});
  config.erase("global_head_dim");
  ModelConfig read = readOk(config);
  EXPECT_EQ(read.layers[0].headDim, 8);
  EXPECT_EQ(read.layers[1].headDim, 16);
  EXPECT_EQ(read.layers[1].keyHeads, 2);
  EXPECT_EQ(read.layers[1].rope.pairs, 2);
  EXPECT_EQ(read.layers[3].headDim, 32);
  EXPECT_EQ(read.layers[3].keyHeads, 4);
  config["per_layer_config"] = json::object(); // a global layer without an entry has plain heads
  EXPECT_EQ(readOk(config).layers[1].headDim, 8);
}

TEST(ModelConfig, DonorsAreTheLastOwnersOfTheirKind) {
  json types = {"sliding_attention", "full_attention", "full_attention", "sliding_attention"};
  ModelConfig config =
      readOk(patched(small(), {{"num_hidden_layers", 6},
                               {"num_kv_shared_layers", 2},
                               {"layer_types",
                                {"sliding_attention", "full_attention", "full_attention", "full_attention",
                                 "sliding_attention", "full_attention"}}}));
  EXPECT_EQ(config.layers[4].donor, 0);
  EXPECT_EQ(config.layers[5].donor, 3);
  EXPECT_EQ(config.layers[3].donor, 3);
}

TEST(ModelConfig, RotationAsTheFileSaysIt) {
  json rope = {
      {"full_attention",
       {{"rope_type", "proportional"}, {"rope_theta", 5e5}, {"partial_rotary_factor", 0.5}, {"factor", 2.0}}},
      {"sliding_attention", {{"rope_type", "default"}}}};
  ModelConfig config = readOk(patched(small(), {{"rope_parameters", rope}}));
  EXPECT_EQ(config.layers[1].rope.theta, 5e5);
  EXPECT_EQ(config.layers[1].rope.pairs, 4);
  EXPECT_EQ(config.layers[1].rope.factor, 2.0);
  EXPECT_EQ(config.layers[0].rope.theta, 1e4);
  EXPECT_EQ(config.layers[0].rope.pairs, 4);
}

TEST(ModelConfig, Gemma3) {
  json flat = {{"model_type", "gemma3_text"},
               {"hidden_size", 64},
               {"num_hidden_layers", 8},
               {"head_dim", 32},
               {"num_key_value_heads", 1},
               {"query_pre_attn_scalar", 16},
               {"sliding_window_pattern", 3},
               {"sliding_window", 8},
               {"rope_theta", 1000000},
               {"rope_local_base_freq", 10000},
               {"rope_scaling", {{"factor", 8.0}, {"rope_type", "linear"}}},
               {"attn_logit_softcapping", nullptr},
               {"cache_implementation", "hybrid"}};
  json inner = flat;
  for (const json &config :
       {flat, json{{"model_type", "gemma3"}, {"text_config", inner}, {"mm_tokens_per_image", 256}}}) {
    ModelConfig read = readOk(config);
    EXPECT_EQ(read.family, ModelFamily::gemma3);
    EXPECT_EQ(read.vocabulary, 262208);
    EXPECT_EQ(read.attentionScale, 0.25);
    EXPECT_EQ(read.perLayerWidth, 0);
    ASSERT_EQ(read.layers.size(), 8u);
    EXPECT_TRUE(read.layers[2].global());
    EXPECT_EQ(read.layers[2].rope.factor, 8.0);
    EXPECT_EQ(read.layers[2].rope.pairs, 16);
    EXPECT_EQ(read.layers[0].rope.factor, 1.0);
    EXPECT_FALSE(read.layers[7].global()); // the last layer need not be
  }
}

TEST(ModelConfig, Gemma3SavedByNewerTransformers) {
  json rope = {{"full_attention", {{"rope_type", "linear"}, {"rope_theta", 1e6}, {"factor", 8.0}}},
               {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}};
  ModelConfig config = readOk({{"model_type", "gemma3_text"},
                               {"num_hidden_layers", 2},
                               {"rope_parameters", rope},
                               {"layer_types", {"sliding_attention", "full_attention"}},
                               {"_sliding_window_pattern", 6},
                               {"use_bidirectional_attention", false}});
  EXPECT_TRUE(config.layers[1].global());
  EXPECT_EQ(config.layers[1].rope.factor, 8.0);
}

struct Nonsense {
  const char *name, *patch, *message;
};

const Nonsense kNonsense[] = {
    {"UnknownKey", R"({"attention_sinks":4})", "'attention_sinks' is not a key that this compiler knows"},
    {"Quantized", R"({"quantization_config":{}})", "'quantization_config' is not a key"},
    {"UnknownModel", R"({"model_type":"llama"})", "'model_type' is 'llama', but gemma4"},
    {"Drafter", R"({"model_type":"gemma4_assistant"})", "'model_type' is 'gemma4_assistant'"},
    {"NoTextConfig", R"({"model_type":"gemma4"})", "'text_config' is missing"},
    {"TypeOfModel", R"({"model_type":7})", "'model_type' is '7', but must be a string"},
    {"HiddenText", R"({"hidden_size":"64"})", "'hidden_size' is '\"64\"', but must be an integer"},
    {"HiddenFraction", R"({"hidden_size":64.0})", "'hidden_size' is '64.0', but must be an integer"},
    {"HiddenZero", R"({"hidden_size":0})", "'hidden_size' is '0'"},
    {"HiddenNegative", R"({"hidden_size":-64})", "'hidden_size' is '-64'"},
    {"HiddenNull", R"({"hidden_size":null})", "'hidden_size' is 'null'"},
    {"HiddenBeyondInt64", R"({"hidden_size":18446744073709551615})",
     "'hidden_size' is '18446744073709551615'"},
    {"LayersAbsurd", R"({"num_hidden_layers":2000000000})", "'num_hidden_layers' is '2000000000'"},
    {"LayerTypesLength", R"({"num_hidden_layers":5})",
     "'layer_types' has 4 entries, but 'num_hidden_layers' is 5"},
    {"LayerTypesWord", R"({"layer_types":["a","b","c","d"]})", "'layer_types' holds 'a'"},
    {"LayerTypesNumbers", R"({"layer_types":[0,1,0,1]})",
     "'layer_types' holds '0', but must be a list of strings"},
    {"HeadsUneven", R"({"num_attention_heads":5})",
     "'num_attention_heads' is 5, which the 2 key heads of layer 0 cannot share"},
    {"HeadOdd", R"({"head_dim":7})", "rotation needs pairs"},
    {"GlobalHeadOdd", R"({"global_head_dim":15})", "rotation needs pairs"},
    {"EpsNegative", R"({"rms_norm_eps":-1})", "'rms_norm_eps' is '-1'"},
    {"EpsTrue", R"({"rms_norm_eps":true})", "'rms_norm_eps' is 'true', but must be a number"},
    {"SoftcapZero", R"({"final_logit_softcapping":0})", "'final_logit_softcapping' is '0'"},
    {"WindowZero", R"({"sliding_window":0})", "'sliding_window' is '0'"},
    {"Bias", R"({"attention_bias":true})", "'attention_bias' is true"},
    {"BiasWord", R"({"attention_bias":"no"})", "must be true or false"},
    {"Activation", R"({"hidden_activation":"silu"})", "'hidden_activation' must be 'gelu_pytorch_tanh'"},
    {"Bidirectional", R"({"use_bidirectional_attention":"all"})", "only causal models"},
    {"AttentionSoftcap", R"({"attn_logit_softcapping":50.0})", "attention has no softcap"},
    {"AllLayersShare", R"({"num_kv_shared_layers":4})",
     "'num_kv_shared_layers' is '4', but must be an integer from 0 to 3"},
    {"NoDonor", R"({"num_kv_shared_layers":3})", "leaves layer 1 without a layer of its kind"},
    {"PerLayerRows", R"({"hidden_size_per_layer_input":8,"vocab_size_per_layer_input":63})",
     "'vocab_size_per_layer_input' is 63, but the vocabulary has 64 tokens"},
    {"ExpertsMissing", R"({"enable_moe_block":true})", "'num_experts' must be given"},
    {"TopKTooMany",
     R"({"enable_moe_block":true,"num_experts":4,"top_k_experts":5,"moe_intermediate_size":8})",
     "'top_k_experts' must be from 1 to the number of experts"},
    {"OverrideIndex", R"({"per_layer_config":{"4":{"head_dim":16}}})",
     "'per_layer_config.4' is not the index of one of 4 layers"},
    {"OverrideWord", R"({"per_layer_config":{"x":{}}})", "'per_layer_config.x' is not the index"},
    {"OverrideKey", R"({"per_layer_config":{"1":{"intermediate_size":16}}})",
     "'per_layer_config.1.intermediate_size' is not a key"},
    {"OverrideContradiction", R"({"per_layer_config":{"1":{"head_dim":32}}})",
     "contradicts 'global_head_dim'"},
    {"RopeType", R"({"rope_parameters":{"full_attention":{"rope_type":"yarn"}}})",
     "'rope_parameters.full_attention.rope_type' is 'yarn'"},
    {"RopeTypeMissing", R"({"rope_parameters":{"full_attention":{"rope_theta":1e6}}})",
     "rope_type' is missing"},
    {"RopeTheta", R"({"rope_parameters":{"sliding_attention":{"rope_type":"default","rope_theta":0}}})",
     "'rope_parameters.sliding_attention.rope_theta' is '0'"},
    {"RopePartial",
     R"({"rope_parameters":{"sliding_attention":{"rope_type":"default","partial_rotary_factor":0.5}}})",
     "needs the type 'proportional'"},
    {"RopeShare",
     R"({"rope_parameters":{"full_attention":{"rope_type":"proportional","partial_rotary_factor":1.5}}})",
     "must be a number from 0 to 1"},
    {"RopeKind", R"({"rope_parameters":{"rope_type":"default"}})",
     "'rope_parameters.rope_type' is not a key"},
    {"RopeList", R"({"rope_parameters":[]})", "'rope_parameters' is a list, but must be an object"},
    {"EosOutside", R"({"eos_token_id":[1,64]})",
     "'eos_token_id' holds '64', but the vocabulary's ids go from 0 to 63"},
    {"Gemma3Key", R"({"query_pre_attn_scalar":256})", "'query_pre_attn_scalar' is not a key"},
};

class NonsenseConfig : public testing::TestWithParam<Nonsense> {};

TEST_P(NonsenseConfig, IsRefusedByName) {
  std::string error = errorOf(read(patched(small(), json::parse(GetParam().patch))));
  EXPECT_SAYS(error, GetParam().message);
  EXPECT_SAYS(error, "config.json: ");
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(, NonsenseConfig, testing::ValuesIn(kNonsense),
                         [](const auto &info) { return info.param.name; });

TEST(ModelConfig, UnknownKeysInsideAreNamedWithTheirPlace) {
  EXPECT_SAYS(errorOf(read(nested("gemma4", {{"attention_sinks", 1}}))),
              "'text_config.attention_sinks' is not a key");
  json outside = nested("gemma4", json::object());
  outside["num_mtp_layers"] = 1;
  EXPECT_SAYS(errorOf(read(outside)), "'num_mtp_layers' is not a key");
}

TEST(ModelConfig, KeysOfToolsLabelsAndOutputsAreLeftOutAndSaidOnce) {
  json config =
      nested("gemma4", {{"unsloth_fixed", true}, {"num_labels", 2}, {"_attn_implementation_autoset", true}});
  config.update(json{{"unsloth_version", "2026.4.5"},
                     {"id2label", {{"0", "LABEL_0"}}},
                     {"label2id", {{"LABEL_0", 0}}},
                     {"problem_type", nullptr},
                     {"is_encoder_decoder", false},
                     {"pruned_heads", json::object()},
                     {"_torch_dtype", "float16"},
                     {"output_attentions", false}});
  ModelConfig read = readOk(config);
  ASSERT_EQ(read.remarks.size(), 1u);
  EXPECT_SAYS(read.remarks[0],
              "config.json: no result depends on 'text_config._attn_implementation_autoset', "
              "'text_config.num_labels', 'text_config.unsloth_fixed', '_torch_dtype', 'id2label', "
              "'is_encoder_decoder', 'label2id', 'output_attentions', 'problem_type', 'pruned_heads', "
              "'unsloth_version', which are left out");
  EXPECT_TRUE(readOk(small()).remarks.empty());
}

TEST(ModelConfig, NullSaysNothing) {
  ModelConfig config = readOk(
      patched(small(),
              {{"quantization_config", nullptr}, {"attention_sinks", nullptr}, {"attention_bias", nullptr}}));
  ASSERT_EQ(config.remarks.size(), 1u);
  EXPECT_SAYS(config.remarks[0], "no result depends on 'attention_sinks', 'quantization_config', which");
}

TEST(ModelConfig, KeysThatSayOfAnotherModelAreRefused) {
  for (const json &patch : {json{{"is_encoder_decoder", true}}, json{{"pruned_heads", {{"0", {1}}}}},
                            json{{"quantization", json::object()}}, json{{"attention_sinks", false}}})
    EXPECT_SAYS(errorOf(read(patched(small(), patch))),
                "'" + patch.begin().key() + "' is not a key that this compiler knows");
}

TEST(ModelConfig, HeadIsTiedInsideAndOutsideOrNowhere) {
  json config = nested("gemma4", {{"tie_word_embeddings", true}});
  config["tie_word_embeddings"] = false;
  EXPECT_SAYS(errorOf(read(config)), "contradicts 'text_config.tie_word_embeddings'");
  config["text_config"].erase("tie_word_embeddings");
  EXPECT_FALSE(readOk(config).tiedHead);
}

TEST(ModelConfig, BrokenFiles) {
  Folder folder;
  EXPECT_SAYS(errorOf(readModelConfig(folder.string())), "config.json: ");
  folder.write("config.json", std::string("{\"model_type\": \"gemma4\","));
  EXPECT_SAYS(errorOf(readModelConfig(folder.string())), "is not valid JSON");
  folder.write("config.json",
               std::string("{\"model_type\": \"gemma4_text\", \"model_type\": \"gemma3_text\"}"));
  EXPECT_SAYS(errorOf(readModelConfig(folder.string())), "'model_type' appears twice");
  folder.write("config.json", "[]");
  EXPECT_SAYS(errorOf(readModelConfig(folder.string())), "a JSON object is needed");
}

} // namespace
} // namespace gemmac
