//===- GgufGenerationTest.cpp - how a GGUF file wants its text to be sampled ----------------------------===//

#include "GgufModel.h"

namespace gemmac {
namespace {

class GgufGeneration : public GgufConfig {};

TEST_F(GgufGeneration, StopsWhereTheFileAndTheVocabularySay) {
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

TEST_F(GgufGeneration, RefusesNonsense) {
  auto error = [&](const Model &model) {
    ModelConfig config = read(model);
    return errorOf(readGgufGeneration(*file, config));
  };
  EXPECT_SAYS(error(gemma3().is("tokenizer.ggml.suppress_tokens", std::vector<int32_t>{10})),
              "key 'tokenizer.ggml.suppress_tokens': holds 10, but the vocabulary's ids go from 0 to 9");
  EXPECT_SAYS(error(gemma3().is("general.sampling.top_p", 2.0f)),
              "'general.sampling.top_p' is '2.0', but must be a number from 0 to 1");
}

TEST_F(GgufGeneration, StopTokensMayBeListed) {
  Model model = gemma3().is("tokenizer.ggml.eos_token_ids", std::vector<int32_t>{1, 6, 4});
  EXPECT_EQ(generation(model).stop, (std::vector<int32_t>{1, 6, 4}));
  expectRefused(gemma3().is("tokenizer.ggml.eos_token_ids", std::vector<int32_t>{10}),
                "key 'tokenizer.ggml.eos_token_ids': holds 10, but the vocabulary's ids go from 0 to 9");
}

} // namespace
} // namespace gemmac
