//===- QuantizationTest.cpp - checkpoints that are quantized already ------------------------------------===//

#include "compiler/import/Quantization.h"
#include "Folder.h"
#include "compiler/import/Checkpoint.h"

namespace gemmac {
namespace {

using nlohmann::json;

auto read(const char *config) {
  json object = json::parse(config);
  return takeQuantization("config.json", object);
}

struct Kind {
  const char *name, *config, *message;
};

/// compressed-tensors with one group of modules.
#define COMPRESSED(format, group)                                                                            \
  R"({"quantization_config":{"quant_method":"compressed-tensors","format":")" format                         \
  R"(","config_groups":{"group_0":)" group R"(}}})"

const Kind kRefused[] = {
    {"StaticActivations",
     COMPRESSED("int-quantized", R"({"weights":{"num_bits":8},"input_activations":{"dynamic":false}})"),
     "as compressed-tensors (int-quantized, 8 bits); take the bf16 checkpoint that it was made of, or a "
     "GGUF"},
    {"OtherBits", COMPRESSED("pack-quantized", R"({"weights":{"num_bits":3,"group_size":64}})"),
     "as compressed-tensors (pack-quantized, 3 bits, groups of 64); take"},
    {"SmallFloats", COMPRESSED("nvfp4-pack-quantized", R"({"weights":{"num_bits":4}})"),
     "as compressed-tensors (nvfp4-pack-quantized, 4 bits); take"},
    {"Rotated",
     R"({"quantization_config":{"quant_method":"compressed-tensors","format":"pack-quantized","transform_config":{"a":1},
         "config_groups":{"a":{"weights":{"num_bits":4}}}}})",
     "as compressed-tensors (pack-quantized, 4 bits); take"},
    {"NoFormat", R"({"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":3}}})",
     "as compressed-tensors; take"},
    {"NoGroup", COMPRESSED("pack-quantized", "7"), "as compressed-tensors (pack-quantized); take"},
    {"BadBlocks", R"({"quantization_config":{"quant_method":"fp8","weight_block_size":[128,0]}})",
     "as FP8 with a scale for each block; take"},
    {"StaticFp8", R"({"quantization_config":{"quant_method":"fp8","activation_scheme":"static"}})",
     "as FP8 with a scale for each block; take"},
    {"GptqOfThreeBits", R"({"quantization_config":{"quant_method":"gptq","bits":3,"group_size":128}})",
     "as GPTQ (3 bits, groups of 128); take"},
    {"Marlin",
     R"({"quantization_config":{"quant_method":"gptq","bits":4,"group_size":-1,"checkpoint_format":"marlin"}})",
     "as GPTQ (4 bits, one scale a row); take"},
    {"Gemv", R"({"quantization_config":{"quant_method":"awq","bits":4,"group_size":64,"version":"GEMV"}})",
     "as AWQ (4 bits, groups of 64); take"},
    {"Nf4",
     R"({"quantization_config":{"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4"}})",
     "as bitsandbytes (nf4); take"},
    {"Int8", R"({"quantization_config":{"quant_method":"bitsandbytes","load_in_8bit":true}})",
     "as bitsandbytes (int8); take"},
    {"MlxFloats", R"({"quantization":{"bits":4,"group_size":32,"mode":"mxfp4"}})",
     "as MLX mxfp4 (4 bits, groups of 32); take"},
    {"MlxSixBits", R"({"quantization":{"bits":4,"group_size":64,"lm_head":{"bits":6}}})",
     "as MLX affine (4 bits, groups of 64); take"},
    {"Mobile", R"({"quantization_config":{"quant_method":"gemma","module_quant_configs":{}}})",
     "as Gemma's mobile format, with activations in steps; take"},
    {"Other", R"({"quantization_config":{"quant_method":"hqq\n","bits":3}})", "as 'hqq\\x0a' (3 bits); take"},
    {"Inside", R"({"text_config":{"quantization_config":{"quant_method":"awq"}}})", "as AWQ; take"},
    {"List", R"({"quantization_config":[4]})", "'quantization_config' is not an object"},
    {"OddTypes", R"({"quantization_config":{"quant_method":7,"bits":[4],"group_size":{"a":1}}})",
     "as '7'; take"},
};

class RefusedQuantization : public testing::TestWithParam<Kind> {};

TEST_P(RefusedQuantization, IsCalledByItsName) {
  std::string error = errorOf(read(GetParam().config));
  EXPECT_SAYS(error, GetParam().message);
  EXPECT_SAYS(error, "config.json: ");
}

INSTANTIATE_TEST_SUITE_P(, RefusedQuantization, testing::ValuesIn(kRefused),
                         [](const auto &info) { return info.param.name; });

const Kind kRead[] = {
    {"W4A16",
     COMPRESSED("pack-quantized", R"({"targets":["Linear"],"weights":{"num_bits":4,"group_size":32}})"),
     "compressed-tensors (pack-quantized, 4 bits, groups of 32)"},
    {"W8A8",
     COMPRESSED("int-quantized", R"({"weights":{"num_bits":8},"input_activations":{"dynamic":true}})"),
     "compressed-tensors (int-quantized, 8 bits)"},
    {"BlockFp8", R"({"quantization_config":{"quant_method":"fp8","weight_block_size":[128,64]}})",
     "FP8 with a scale for each block"},
    {"RowFp8", R"({"quantization_config":{"quant_method":"fbgemm_fp8"}})", "FP8 with a scale for each row"},
    {"Gptq", R"({"quantization_config":{"quant_method":"gptq","bits":4,"group_size":128,"desc_act":false}})",
     "GPTQ (4 bits, groups of 128)"},
    {"Awq", R"({"quantization_config":{"quant_method":"awq","bits":4,"group_size":64,"zero_point":true}})",
     "AWQ (4 bits, groups of 64)"},
    {"Mlx",
     R"({"quantization":{"bits":4,"group_size":64,"a":{"bits":8}},"quantization_config":{"bits":4,"group_size":64}})",
     "MLX affine (4 bits, groups of 64)"},
};

class ReadQuantization : public testing::TestWithParam<Kind> {};

TEST_P(ReadQuantization, HasAName) {
  auto result = read(GetParam().config);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  ASSERT_TRUE(*result);
  EXPECT_EQ((*result)->name, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(, ReadQuantization, testing::ValuesIn(kRead),
                         [](const auto &info) { return info.param.name; });

TEST(Quantization, SaysWhatNoShapeDoes) {
  auto form = [](const char *text) {
    auto result = read(text);
    EXPECT_TRUE(bool(result)) << llvm::toString(result.takeError());
    return **result;
  };
  EXPECT_TRUE(form(kRead[4].config).form.zerosAreLess);
  EXPECT_FALSE(
      form(R"({"quantization_config":{"quant_method":"gptq","bits":8,"checkpoint_format":"gptq_v2"}})")
          .form.zerosAreLess);
  EXPECT_EQ(form(kRead[2].config).form.blockRows, 128);
  EXPECT_EQ(form(kRead[2].config).form.blockColumns, 64);
  EXPECT_EQ(form(kRead[6].config).bits.at("a"), 8);
}

TEST(Quantization, IsAbsent) {
  for (const char *text : {"{}", R"({"quantization_config":null})", R"({"quantization":{}})"})
    EXPECT_FALSE(llvm::cantFail(read(text)));
}

TEST(Quantization, StopsACheckpoint) {
  Folder folder;
  json config = json::parse(std::ifstream(GEMMAC_EXAMPLES_DIR "/bard-e2b/config.json"));
  config["quantization_config"] = {{"quant_method", "awq"}, {"bits", 3}};
  folder.writeJson("config.json", config);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())),
              "config.json: the checkpoint is already quantized as AWQ");
}

} // namespace
} // namespace gemmac
