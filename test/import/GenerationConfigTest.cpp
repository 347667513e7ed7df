//===- GenerationConfigTest.cpp - how a checkpoint wants to be sampled, and files that say nonsense
//------===//

#include "compiler/import/GenerationConfig.h"
#include "Folder.h"

namespace gemmac {
namespace {

llvm::Expected<GenerationConfig> generation(const std::string &text, const ModelConfig &model) {
  Folder folder;
  if (!text.empty())
    folder.write("generation_config.json", text);
  return readGenerationConfig(folder.string(), model);
}

ModelConfig anyModel() {
  ModelConfig model;
  model.vocabulary = 2048;
  return model;
}

TEST(GenerationConfig, DefaultsOfTheFamily) {
  auto config = generation("", anyModel());
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->temperature, 1.0);
  EXPECT_EQ(config->topK, 64);
  EXPECT_EQ(config->topP, 0.95);
  EXPECT_EQ(config->stop, (std::vector<int32_t>{1, 106, 50}));
  EXPECT_TRUE(config->suppress.empty());
}

TEST(GenerationConfig, TheModelSaysWhatTheFileDoesNot) {
  ModelConfig model = anyModel();
  model.eos = {1};
  model.bos = 2;
  auto config = generation(R"({"_from_model_config": true, "temperature": null})", model);
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->stop, (std::vector<int32_t>{1}));
  EXPECT_EQ(config->bos, 2);
}

TEST(GenerationConfig, ReadsTheFile) {
  auto config = generation(R"({"eos_token_id":[1,106,50],"temperature":0.5,"top_k":0,"top_p":1.0,"min_p":0.1,
      "repetition_penalty":1.2,"suppress_tokens":[2046],"num_assistant_tokens":4})",
                           anyModel());
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->stop, (std::vector<int32_t>{1, 106, 50}));
  EXPECT_EQ(config->temperature, 0.5);
  EXPECT_EQ(config->topK, 0);
  EXPECT_EQ(config->minP, 0.1);
  EXPECT_EQ(config->repetitionPenalty, 1.2);
  EXPECT_EQ(config->suppress, (std::vector<int32_t>{2046}));
}

TEST(GenerationConfig, StopsAtTheTokensOfBothFiles) {
  ModelConfig model = anyModel();
  model.eos = {1, 50};
  auto config = generation(R"({"eos_token_id": [106, 1]})", model);
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->stop, (std::vector<int32_t>{106, 1, 50}));
}

TEST(GenerationConfig, BoundsOfSamplingAreThoseOfPrograms) {
  auto config = generation(R"({"top_k": -1, "top_p": 0, "min_p": 1, "temperature": 1e-300})", anyModel());
  ASSERT_TRUE(bool(config)) << llvm::toString(config.takeError());
  EXPECT_EQ(config->topK, 0);
  EXPECT_EQ(config->topP, 0);
  EXPECT_EQ(config->minP, 1);
  config = generation(R"({"top_k": 4611686018427387904})", anyModel());
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->topK, std::numeric_limits<int32_t>::max());
  EXPECT_SAYS(errorOf(generation(R"({"top_k": -2})", anyModel())), "'top_k' is '-2'");
  EXPECT_SAYS(errorOf(generation(R"({"temperature": -1})", anyModel())), "'temperature' is '-1'");
}

TEST(GenerationConfig, WithoutSamplingTheBestTokenIsTaken) {
  auto config = generation(R"({"do_sample":false,"temperature":1.0})", anyModel());
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->temperature, 0.0);
}

TEST(GenerationConfig, RefusesNonsense) {
  EXPECT_SAYS(errorOf(generation("{", anyModel())), "generation_config.json: is not valid JSON");
  EXPECT_SAYS(errorOf(generation(R"({"top_p":1.5})", anyModel())),
              "'top_p' is '1.5', but must be a number from 0 to 1");
  EXPECT_SAYS(errorOf(generation(R"({"temperature":"hot"})", anyModel())), "'temperature' is");
  EXPECT_SAYS(errorOf(generation(R"({"suppress_tokens":[2048]})", anyModel())),
              "'suppress_tokens' holds '2048'");
  EXPECT_SAYS(errorOf(generation(R"({"eos_token_id":{}})", anyModel())), "'eos_token_id' holds an object");
}

} // namespace
} // namespace gemmac
