//===- QuantizationTest.cpp - checkpoints that are quantized already ------------------------------------===//

#include "compiler/import/Quantization.h"
#include "Folder.h"
#include "compiler/import/Checkpoint.h"

namespace gemmac {
namespace {

using nlohmann::json;

struct Kind {
  const char *name, *config, *message;
};

const Kind kKinds[] = {
    {"W4A16",
     R"({"quantization_config":{"quant_method":"compressed-tensors","format":"pack-quantized","config_groups":
         {"group_0":{"targets":["Linear"],"weights":{"num_bits":4,"group_size":32,"strategy":"group"}}}}})",
     "already quantized as compressed-tensors (pack-quantized, 4 bits, groups of 32); take the bf16"},
    {"Fp8", R"({"quantization_config":{"quant_method":"compressed-tensors","format":"float-quantized"}})",
     "as compressed-tensors (float-quantized); take"},
    {"NoFormat", R"({"quantization_config":{"quant_method":"compressed-tensors","config_groups":{"a":3}}})",
     "as compressed-tensors; take"},
    {"BlockFp8", R"({"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}})",
     "as FP8 with a scale for each block; take"},
    {"RowFp8", R"({"quantization_config":{"quant_method":"fbgemm_fp8"}})",
     "as FP8 with a scale for each row"},
    {"Gptq", R"({"quantization_config":{"quant_method":"gptq","bits":4,"group_size":128,"desc_act":false}})",
     "as GPTQ (4 bits, groups of 128); take"},
    {"GptqRows", R"({"quantization_config":{"quant_method":"gptq","bits":8,"group_size":-1}})",
     "as GPTQ (8 bits, one scale a row); take"},
    {"Awq", R"({"quantization_config":{"quant_method":"awq","bits":4,"group_size":64,"zero_point":true}})",
     "as AWQ (4 bits, groups of 64); take"},
    {"Nf4",
     R"({"quantization_config":{"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4"}})",
     "as bitsandbytes (nf4); take"},
    {"Int8", R"({"quantization_config":{"quant_method":"bitsandbytes","load_in_8bit":true}})",
     "as bitsandbytes (int8); take"},
    {"Mlx", R"({"quantization":{"bits":4,"group_size":64},"quantization_config":{"bits":4,"group_size":64}})",
     "as MLX affine (4 bits, groups of 64); take"},
    {"MlxFloats", R"({"quantization":{"bits":4,"group_size":32,"mode":"mxfp4"}})",
     "as MLX mxfp4 (4 bits, groups of 32); take"},
    {"Mobile", R"({"quantization_config":{"quant_method":"gemma","module_quant_configs":{}}})",
     "as Gemma's mobile format, with activations in steps; take"},
    {"Other", R"({"quantization_config":{"quant_method":"hqq\n","bits":3}})", "as 'hqq\\x0a' (3 bits); take"},
    {"Inside", R"({"text_config":{"quantization_config":{"quant_method":"awq"}}})", "as AWQ; take"},
    {"List", R"({"quantization_config":[4]})", "'quantization_config' is not an object"},
    {"OddTypes", R"({"quantization_config":{"quant_method":7,"bits":[4],"group_size":{"a":1}}})",
     "as '7'; take"},
};

class Quantized : public testing::TestWithParam<Kind> {};

TEST_P(Quantized, IsCalledByItsName) {
  std::string error = llvm::toString(readQuantization("config.json", json::parse(GetParam().config)));
  EXPECT_SAYS(error, GetParam().message);
  EXPECT_SAYS(error, "config.json: ");
}

INSTANTIATE_TEST_SUITE_P(, Quantized, testing::ValuesIn(kKinds),
                         [](const auto &info) { return info.param.name; });

TEST(Quantization, IsAbsent) {
  for (const char *text : {"{}", R"({"quantization_config":null})", R"({"quantization":{}})"})
    EXPECT_FALSE(bool(readQuantization("config.json", json::parse(text))));
}

TEST(Quantization, StopsACheckpoint) {
  Folder folder;
  json config = json::parse(std::ifstream(GEMMAC_EXAMPLES_DIR "/bard-e2b/config.json"));
  config["quantization_config"] = {{"quant_method", "awq"}, {"bits", 4}};
  folder.writeJson("config.json", config);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())),
              "config.json: the checkpoint is already quantized as AWQ");
}

} // namespace
} // namespace gemmac
