// Sampling by hand: the tokens that may come next as probabilities, and drawing one of them.

#include "FakeTexts.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace gemmac;
using gemmac::test::collect, gemmac::test::firstIds;

namespace {

struct DistributionTest : testing::Test {
  void SetUp() override {
    fake_call_count = FAKE_CALLS; // none is recorded
    ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, nullptr), GEMMAC_OK);
    ASSERT_EQ(gemmac_session_open(engine, nullptr, &session, nullptr), GEMMAC_OK);
  }
  void TearDown() override {
    gemmac_session_close(session);
    gemmac_close(engine);
  }
  gemmac_status prompt(const std::vector<int32_t> &ids) {
    return gemmac_prompt(session, ids.data(), ids.size(), 0);
  }

  test::TemporaryFile file{"distribution.weights", test::write(test::fakeContents())};
  gemmac_engine *engine = nullptr;
  gemmac_session *session = nullptr;
};

TEST_F(DistributionTest, DrawingByHandIsGenerating) {
  const gemmac_sampling kinds[] = {{0, 0, 1, 0, 1, 7},     {2, 0, 1, 0, 1, 7},
                                   {3, 9, 1, 0, 1, 7},     {3, 0, 0.8f, 0, 1, 7},
                                   {3, 0, 1, 0.05f, 1, 7}, {1.5f, 20, 0.9f, 0.1f, 1.3f, 8}};
  for (const gemmac_sampling &sampling : kinds) {
    gemmac_reset(session);
    ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
    std::vector<int32_t> generated, drawn;
    gemmac_generation generation = {};
    generation.max_tokens = 30;
    generation.ignore_stop = 1;
    generation.sampling = sampling;
    generation.on_token = collect;
    generation.user = &generated;
    ASSERT_EQ(gemmac_generate(session, &generation, nullptr), GEMMAC_OK);

    gemmac_reset(session);
    ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
    uint64_t random = gemmac_random(sampling.seed);
    gemmac_candidate candidates[FAKE_VOCAB];
    for (int i = 0; i < 30; ++i) {
      size_t count = 0;
      ASSERT_EQ(gemmac_distribution(session, nullptr, &sampling, candidates, FAKE_VOCAB, &count), GEMMAC_OK);
      double sum = 0;
      for (size_t at = 0; at < count; ++at)
        sum += candidates[at].probability;
      EXPECT_NEAR(sum, 1, 1e-12);
      if (sampling.top_k)
        EXPECT_LE(count, sampling.top_k);
      drawn.push_back(gemmac_draw(candidates, count, &random));
      ASSERT_EQ(prompt({drawn.back()}), GEMMAC_OK);
    }
    EXPECT_EQ(drawn, generated);
  }
}

TEST_F(DistributionTest, ADistributionChangesNothing) {
  ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
  const std::vector<float> before(gemmac_logits(session), gemmac_logits(session) + FAKE_VOCAB);
  const gemmac_sampling sampling = {1, 0, 1, 0, 5, 0}; // a penalty changes logits
  gemmac_candidate first[FAKE_VOCAB], second[FAKE_VOCAB];
  size_t count = 0;
  EXPECT_EQ(gemmac_distribution(session, nullptr, &sampling, first, 3, &count), GEMMAC_BUFFER_TOO_SMALL);
  ASSERT_EQ(count, size_t{FAKE_VOCAB});
  ASSERT_EQ(gemmac_distribution(session, nullptr, &sampling, first, count, &count), GEMMAC_OK);
  ASSERT_EQ(gemmac_distribution(session, before.data(), &sampling, second, count, &count), GEMMAC_OK);
  for (size_t i = 0; i < count; ++i)
    EXPECT_TRUE(first[i].id == second[i].id && first[i].probability == second[i].probability) << i;
  EXPECT_EQ(before, std::vector<float>(gemmac_logits(session), gemmac_logits(session) + FAKE_VOCAB));
  EXPECT_EQ(gemmac_distribution(session, nullptr, &sampling, nullptr, 3, &count), GEMMAC_INVALID_ARGUMENT);
  const gemmac_sampling wrong = {-1, 0, 1, 0, 1, 0};
  EXPECT_EQ(gemmac_distribution(session, nullptr, &wrong, first, count, &count), GEMMAC_INVALID_ARGUMENT);
  const std::vector<float> none(FAKE_VOCAB, NAN);
  EXPECT_EQ(gemmac_distribution(session, none.data(), &sampling, first, count, &count), GEMMAC_BAD_LOGITS);
  gemmac_reset(session);
  EXPECT_EQ(gemmac_distribution(session, nullptr, &sampling, first, count, &count), GEMMAC_NO_PROMPT);
}

// Speculative decoding draws from what is left of two distributions: weights of any sum, some of them 0.
TEST_F(DistributionTest, DrawsTakeAnyWeights) {
  const gemmac_candidate candidates[] = {{7, 0}, {3, 0.1}, {9, 0.3}, {5, 0}};
  uint64_t random = gemmac_random(3);
  int threes = 0;
  for (int i = 0; i < 20000; ++i) {
    const int32_t id = gemmac_draw(candidates, 4, &random);
    ASSERT_TRUE(id == 3 || id == 9) << id;
    threes += id == 3;
  }
  EXPECT_NEAR(threes / 20000.0, 0.25, 0.015);
  EXPECT_EQ(gemmac_draw(candidates, 1, &random), -1);
  EXPECT_EQ(gemmac_draw(nullptr, 0, &random), -1);
}

} // namespace
