// Each step of sampling alone, and that the same seed gives the same tokens.

#include "runtime/core/Sampler.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace gemmac;

static constexpr float kInfinity = std::numeric_limits<float>::infinity();
static constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class TestSampler {
public:
  TestSampler(const SamplerOptions &options, uint32_t vocabSize, uint64_t seed = 0)
      : scratch(new uint64_t[Sampler::scratchBytes(vocabSize) / 8]),
        sampler(options, vocabSize, scratch.get()), random(seed) {}

  int32_t sample(std::vector<float> logits, const std::vector<int32_t> &recent = {}) {
    return sampler.distribution(logits.data(), recent.data(), recent.size()).draw(random);
  }
  std::map<int32_t, double> frequencies(const std::vector<float> &logits, int draws = 20000) {
    std::map<int32_t, double> found;
    for (int i = 0; i < draws; ++i)
      found[sample(logits)] += 1.0 / draws;
    return found;
  }

private:
  std::unique_ptr<uint64_t[]> scratch;
  Sampler sampler;
  Pcg32 random;
};

static int32_t greedy(SamplerOptions options, const std::vector<float> &logits,
                      const std::vector<int32_t> &recent = {}) {
  options.temperature = 0;
  return TestSampler(options, uint32_t(logits.size())).sample(logits, recent);
}

static std::vector<float> logarithms(const std::vector<double> &probabilities) {
  std::vector<float> logits;
  for (double p : probabilities)
    logits.push_back(float(std::log(p)));
  return logits;
}

/// With the probabilities that are expected.
static void expectFrequencies(const SamplerOptions &options, const std::vector<double> &probabilities,
                              const std::map<int32_t, double> &expected) {
  const auto found =
      TestSampler(options, uint32_t(probabilities.size())).frequencies(logarithms(probabilities));
  for (const auto &[id, frequency] : found) {
    ASSERT_TRUE(expected.count(id)) << "token " << id << " should be out";
    EXPECT_NEAR(frequency, expected.at(id), 0.015) << "token " << id;
  }
  EXPECT_EQ(found.size(), expected.size());
}

// Logits are looked through in blocks of 64: the best ones stand at their edges, in short last blocks, among
// equals and NaN.
TEST(Sampler, FindsTheBestInAnyBlock) {
  for (uint32_t size : {1u, 7u, 63u, 64u, 65u, 128u, 203u})
    for (uint32_t best : {0u, 5u, 62u, 63u, 64u, 127u, 128u, size - 1}) {
      if (best >= size)
        continue;
      std::vector<float> logits(size, -4);
      for (uint32_t id = 0; id < size; id += 3)
        logits[id] = id % 2 ? kNaN : -kInfinity;
      logits[best] = -3;
      EXPECT_EQ(greedy({}, logits), int32_t(best)) << size;
      if (best + 1 < size)
        logits[size - 1] = -3;
      EXPECT_EQ(greedy({}, logits), int32_t(best)) << "the lower id of two, of " << size;
    }
}

TEST(Sampler, KeepsTheTopKOfManyBlocks) {
  std::vector<float> logits(500);
  std::mt19937 generator(7);
  for (float &logit : logits)
    logit = float(generator() % 40); // many equals
  std::vector<int32_t> ids(logits.size());
  for (size_t id = 0; id < ids.size(); ++id)
    ids[id] = int32_t(id);
  std::stable_sort(ids.begin(), ids.end(),
                   [&](int32_t a, int32_t b) { return logits[size_t(a)] > logits[size_t(b)]; });
  for (uint32_t k : {1u, 2u, 9u, 40u}) {
    SamplerOptions options;
    options.topK = k;
    options.temperature = 1e6f; // as good as equal
    std::map<int32_t, double> kept = TestSampler(options, uint32_t(logits.size())).frequencies(logits);
    ASSERT_EQ(kept.size(), k);
    for (uint32_t i = 0; i < k; ++i)
      EXPECT_TRUE(kept.count(ids[i])) << ids[i];
  }
}

TEST(SamplerTest, GreedyTakesTheLowestIdOfTheBest) {
  EXPECT_EQ(greedy({}, {1, 3, 3, 2}), 1);
  EXPECT_EQ(greedy({}, {kNaN, -2, kNaN, -1}), 3);
  EXPECT_EQ(greedy({}, {0, kInfinity, 1}), 1);
  EXPECT_EQ(greedy({}, {-kInfinity, kNaN}), -1);
}

TEST(SamplerTest, PenalizesEachRecentTokenOnce) {
  SamplerOptions options;
  options.repetitionPenalty = 2;
  EXPECT_EQ(greedy(options, {4, 3}, {0}), 1);
  EXPECT_EQ(greedy(options, {4, 1.5f}, {0, 0, 0}), 0);
  EXPECT_EQ(greedy(options, {-1, -1.5f}, {0}), 1);
  EXPECT_EQ(greedy(options, {4, 3}, {-1, 700}), 0); // ids outside
}

TEST(SamplerTest, SuppressedTokensNeverCome) {
  const int32_t suppressed[] = {1, 999, -1};
  SamplerOptions options;
  options.suppressed = suppressed;
  options.suppressedCount = 3;
  EXPECT_EQ(greedy(options, {1, 9, 2}), 2);
  expectFrequencies(options, {0.25, 0.5, 0.25}, {{0, 0.5}, {2, 0.5}});
}

TEST(SamplerTest, DrawsByProbability) {
  expectFrequencies({}, {0.5, 0.3, 0.2}, {{0, 0.5}, {1, 0.3}, {2, 0.2}});
  SamplerOptions options;
  options.temperature = 0.5f; // squares
  expectFrequencies(options, {0.5, 0.3, 0.2}, {{0, 25.0 / 38}, {1, 9.0 / 38}, {2, 4.0 / 38}});
}

TEST(SamplerTest, TopKKeepsTheBest) {
  SamplerOptions options;
  options.topK = 2;
  expectFrequencies(options, {0.1, 0.3, 0.2, 0.3, 0.1}, {{1, 0.5}, {3, 0.5}});
  options.topK = 3;
  expectFrequencies(options, {0.2, 0.2, 0.2, 0.4, 0.2},
                    {{3, 0.5}, {0, 0.25}, {1, 0.25}}); // equal: the lower ids
}

TEST(SamplerTest, TopPKeepsAsFewAsReachP) {
  SamplerOptions options;
  options.topP = 0.6f;
  expectFrequencies(options, {0.1, 0.5, 0.3, 0.1}, {{1, 0.625}, {2, 0.375}});
  options.topP = 1e-6f;
  expectFrequencies(options, {0.1, 0.5, 0.4}, {{1, 1}});
  // After top-k the rest counts as all.
  options.topP = 0.6f;
  options.topK = 2;
  expectFrequencies(options, {0.1, 0.5, 0.3, 0.1}, {{1, 1}});
}

TEST(SamplerTest, MinPIsRelativeToTheBest) {
  SamplerOptions options;
  options.minP = 0.5f;
  expectFrequencies(options, {0.1, 0.5, 0.3, 0.1}, {{1, 0.625}, {2, 0.375}});
  options.topP = 0.95f;
  expectFrequencies(options, {0.1, 0.5, 0.3, 0.1}, {{1, 0.625}, {2, 0.375}});
  options.topK = 3;
  options.minP = 1;
  expectFrequencies(options, {0.1, 0.5, 0.3, 0.1}, {{1, 1}});
}

// Top-p without top-k sorts only a part of the vocabulary: the same tokens stay as when everything is sorted.
TEST(SamplerTest, TopPFindsItsTokensInALargeVocabulary) {
  constexpr uint32_t kVocabulary = 20000;
  std::mt19937 random(1);
  std::vector<float> logits(kVocabulary);
  for (float &logit : logits)
    logit = std::normal_distribution<float>(0, 2)(random);
  std::vector<int32_t> order(kVocabulary);
  for (uint32_t i = 0; i < kVocabulary; ++i)
    order[i] = int32_t(i);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  double total = 0, sum = 0;
  for (float logit : logits)
    total += std::exp(double(logit));
  std::vector<bool> kept(kVocabulary);
  for (int32_t id : order) {
    kept[id] = true;
    if ((sum += std::exp(double(logits[id]))) >= 0.7 * total)
      break;
  }
  SamplerOptions options;
  options.topP = 0.7f;
  TestSampler sampler(options, kVocabulary);
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(kept[sampler.sample(logits)]);
}

TEST(SamplerTest, SameSeedSameTokens) {
  const std::vector<float> logits = logarithms({0.2, 0.2, 0.2, 0.2, 0.2});
  const auto draw = [&](uint64_t seed) {
    TestSampler sampler({}, 5, seed);
    std::vector<int32_t> ids;
    for (int i = 0; i < 50; ++i)
      ids.push_back(sampler.sample(logits));
    return ids;
  };
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

// Whoever has drawn before gets the same tokens again.
TEST(SamplerTest, SeedsGiveTheTokensThatTheyAlwaysGave) {
  std::vector<float> logits(100);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float(i * 37 % 101) / 12;
  const auto draw = [&](const SamplerOptions &options) {
    TestSampler sampler(options, 100, 42);
    std::vector<int32_t> ids;
    for (int i = 0; i < 12; ++i)
      ids.push_back(sampler.sample(logits));
    return ids;
  };
  SamplerOptions options;
  options.temperature = 1.5f;
  EXPECT_EQ(draw(options), (std::vector<int32_t>{76, 42, 46, 29, 95, 40, 79, 84, 49, 98, 68, 38}));
  options.topK = 20;
  options.topP = 0.9f;
  EXPECT_EQ(draw(options), (std::vector<int32_t>{57, 79, 79, 19, 76, 79, 57, 87, 8, 5, 27, 79}));
}

TEST(SamplerTest, ADistributionHasProbabilities) {
  std::vector<uint64_t> scratch(Sampler::scratchBytes(4) / 8);
  SamplerOptions options;
  options.topK = 3;
  std::vector<float> logits = logarithms({0.1, 0.5, 0.25, 0.15});
  const Distribution three = Sampler(options, 4, scratch.data()).distribution(logits.data(), nullptr, 0);
  ASSERT_EQ(three.size(), 3u);
  const std::map<int32_t, double> expected = {{1, 0.5 / 0.9}, {2, 0.25 / 0.9}, {3, 0.15 / 0.9}};
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(three.probability(i), expected.at(three.id(i)), 1e-6);
  options.temperature = 0;
  const Distribution best = Sampler(options, 4, scratch.data()).distribution(logits.data(), nullptr, 0);
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best.id(0), 1);
  EXPECT_EQ(best.probability(0), 1);
  Pcg32 random(1);
  EXPECT_EQ(Distribution().draw(random), -1);
}

// A generator goes on from its state.
TEST(SamplerTest, RandomNumbersGoOn) {
  Pcg32 random(9);
  random.next();
  Pcg32 copy = Pcg32::at(random.state());
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(copy.next(), random.next());
}

// From the definition: state * 6364136223846793005 + 1442695040888963407, XSH RR.
TEST(SamplerTest, RandomNumbersArePcg32) {
  uint64_t state = 0;
  const auto step = [&] {
    const uint64_t old = state;
    state = old * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t x = uint32_t((old ^ (old >> 18)) >> 27);
    const int r = int(old >> 59);
    return r == 0 ? x : (x >> r) | (x << (32 - r));
  };
  step();
  state += 42;
  step();
  Pcg32 random(42);
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(random.next(), step());
}

TEST(SamplerTest, StrangeLogitsGiveATokenOrNone) {
  for (uint32_t topK : {0u, 2u})
    for (float topP : {1.0f, 0.9f})
      for (float minP : {0.0f, 0.1f}) {
        SamplerOptions options;
        options.topK = topK;
        options.topP = topP;
        options.minP = minP;
        TestSampler sampler(options, 4);
        EXPECT_EQ(sampler.sample({kNaN, -kInfinity, 1, kNaN}), 2);
        EXPECT_EQ(sampler.sample({1, kInfinity, kInfinity, 0}), 1);
        EXPECT_EQ(sampler.sample({kNaN, -kInfinity, kNaN, kNaN}), -1);
        EXPECT_EQ(sampler.sample({-3e38f, 3e38f, -3e38f, -3e38f}), 1);
      }
}

TEST(SamplerTest, TakesTheBestOfAFullVocabulary) {
  constexpr uint32_t kVocabulary = 262144;
  std::mt19937 random(1);
  std::vector<float> logits(kVocabulary);
  for (float &logit : logits)
    logit = std::normal_distribution<float>(0, 5)(random);
  SamplerOptions options;
  options.topK = 64;
  options.topP = 0.95f;
  TestSampler sampler(options, kVocabulary);
  std::vector<float> sorted = logits;
  std::nth_element(sorted.begin(), sorted.begin() + 63, sorted.end(), std::greater<>());
  for (int i = 0; i < 20; ++i)
    EXPECT_GE(logits[sampler.sample(logits)], sorted[63]);
}
