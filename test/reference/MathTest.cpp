//===- MathTest.cpp - the definition of right, against numbers made by hand -----------------------------===//

#include "compiler/reference/Math.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>

namespace gemmac::reference {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Array floats(Shape shape, std::vector<float> numbers) {
  return {std::move(shape), std::move(numbers)};
}
Array ids(Shape shape, std::vector<int32_t> numbers) {
  return {std::move(shape), std::move(numbers)};
}

/// Numbers between -1 and 1 that look random and are the same on every run.
Array noise(Shape shape, uint32_t seed) {
  std::vector<float> numbers(numbersOf(shape));
  for (float &number : numbers) {
    seed = seed * 1664525u + 1013904223u;
    number = float(int32_t(seed)) / 2147483648.0f;
  }
  return {std::move(shape), std::move(numbers)};
}

void expectNear(const Array &got, std::vector<float> want, float tolerance = 1e-6f) {
  ASSERT_EQ(got.floats().size(), want.size());
  for (size_t k = 0; k < want.size(); ++k)
    EXPECT_NEAR(got.floats()[k], want[k], tolerance) << "at " << k;
}

TEST(Embed, TakesARangeOfColumns) {
  Array table = floats({3, 4}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23});
  Array result = embed(ids({2}, {2, 0}), table, 0.5f, 2, {2, 1});
  EXPECT_EQ(result.shape(), (Shape{2, 2, 1}));
  EXPECT_EQ(result.floats(), (std::vector<float>{11, 11.5f, 1, 1.5f}));
}

TEST(Linear, TakesARangeOfRowsAndFlattensInnerAxes) {
  Array weight = floats({3, 4}, {9, 9, 9, 9, 1, 2, 3, 4, -1, 0, 0, 1});
  Array result = linear(floats({1, 2, 2}, {1, 1, 1, 2}), weight, 1, {2});
  EXPECT_EQ(result.shape(), (Shape{1, 2}));
  EXPECT_EQ(result.floats(), (std::vector<float>{14, 1}));
}

TEST(Linear, RoundsItsSumOnce) {
  // In float32 the small numbers would vanish one by one.
  std::vector<float> numbers(4097, 1e-4f);
  numbers[0] = 16384;
  Array x({1, 4097}, std::move(numbers));
  Array result = linear(x, floats({1, 4097}, std::vector<float>(4097, 1.0f)), 0, {1});
  EXPECT_EQ(result.floats()[0], float(16384 + 4096 * double(1e-4f)));
}

TEST(Linear, WorksOnNoTokens) {
  EXPECT_EQ(linear(Array::zeros({0, 4}), Array::zeros({8, 4}), 0, {2, 4}).shape(), (Shape{0, 2, 4}));
}

TEST(Linear, AddsExactBlocksInOrder) {
  Array x({1, 4}, Blocks{2, {1, -2, 127, 127}, {0.5f, 0.25f}});
  Array weight({1, 4}, Blocks{2, {3, 4, -127, -127}, {2.0f, 4.0f}});
  // (1*3 - 2*4) * (0.5 * 2) + (-2 * 127 * 127) * (0.25 * 4)
  EXPECT_EQ(linear(x, weight, 0, {1}).floats()[0], -5.0f - 32258.0f);
}

TEST(Quantize, RoundsToNearestEven) {
  // The scale is 2: 5 / 2 = 2.5 goes down to 2, 7 / 2 = 3.5 up to 4.
  Array result = quantize(floats({1, 4}, {254, 5, 7, -5}), 4);
  EXPECT_EQ(result.blocks().scales, (std::vector<float>{2}));
  EXPECT_EQ(result.blocks().bytes, (std::vector<int8_t>{127, 2, 4, -2}));
}

TEST(Quantize, LeavesZeroBlocksZero) {
  Array result = quantize(floats({1, 4}, {0, 0, -127, 127}), 2);
  EXPECT_EQ(result.blocks().scales, (std::vector<float>{0, 1}));
  EXPECT_EQ(dequantize(result).floats(), (std::vector<float>{0, 0, -127, 127}));
}

TEST(RmsNorm, MatchesItsFormula) {
  Array weight = floats({2}, {2, 1});
  // mean of squares (9 + 16) / 2, plus 0.5: 13
  expectNear(rmsNorm(floats({1, 2}, {3, 4}), &weight, 0.5f), {6 / std::sqrt(13.0f), 4 / std::sqrt(13.0f)});
  expectNear(rmsNorm(floats({1, 1, 2}, {3, 4}), nullptr, 0.5f), {3 / std::sqrt(13.0f), 4 / std::sqrt(13.0f)});
}

TEST(AddNorm, IsItsParts) {
  Array residual = noise({3, 5}, 1), x = noise({3, 5}, 2), weight = noise({5}, 3);
  Array parts = scale(add(residual, rmsNorm(x, &weight, 1e-6f)), 0.7f);
  EXPECT_EQ(addNorm(residual, x, weight, 1e-6f, 0.7f).floats(), parts.floats());
}

TEST(Gelu, IsTheTanhForm) {
  // 0.5 * (1 + tanh(0.7978845608 * 1.044715)); the erf form gives 0.841345 for 1.
  expectNear(gelu(floats({3}, {0, 1, -1})), {0, 0.841192f, -0.158808f});
  expectNear(geluMul(floats({1}, {1}), floats({1}, {2})), {2 * 0.841192f});
}

TEST(Softcap, StaysBelowTheCap) {
  expectNear(softcap(floats({3}, {0, 30, -1e6f}), 30), {0, 30 * std::tanh(1.0f), -30}, 1e-5f);
}

TEST(Softmax, GivesMaskedNumbersNothing) {
  expectNear(softmax(floats({1, 3}, {1000, -kInfinity, 1000 + std::log(3.0f)})), {0.25f, 0, 0.75f}, 2e-5f);
}

TEST(Slice, TakesRangesOfAnyInnerAxis) {
  Array x = floats({1, 3, 2}, {0, 1, 10, 11, 20, 21});
  EXPECT_EQ(slice(x, 1, 1, 2, false).floats(), (std::vector<float>{10, 11, 20, 21}));
  EXPECT_EQ(slice(x, 2, 1, 1, false).floats(), (std::vector<float>{1, 11, 21}));
  Array dropped = slice(x, 1, 2, 1, true);
  EXPECT_EQ(dropped.shape(), (Shape{1, 2}));
  EXPECT_EQ(dropped.floats(), (std::vector<float>{20, 21}));
}

/// Tokens that stand one behind the other.
Array from(int64_t position, int64_t count) {
  std::vector<int32_t> positions(static_cast<size_t>(count));
  std::iota(positions.begin(), positions.end(), int32_t(position));
  return {{count}, std::move(positions)};
}

TEST(Rope, TurnsTheFirstPairsOnly) {
  // dim 4, pairs (0, 2) and (1, 3); position 2 turns pair 0 by 2.
  Array result = rope(floats({1, 1, 4}, {1, 5, 0, 6}), from(2, 1), 100.0, 1, 1.0);
  expectNear(result, {std::cos(2.0f), 5, std::sin(2.0f), 6});
}

TEST(Rope, SlowsByThetaAndFactor) {
  // Pair 1 of dim 4 turns by p * 100^(-1/2) / 2 = p / 20; the second row stands at position 1.
  Array result = rope(floats({2, 1, 4}, {0, 1, 0, 0, 0, 1, 0, 0}), from(0, 2), 100.0, 2, 2.0);
  expectNear(result, {0, 1, 0, 0, 0, std::cos(0.05f), 0, std::sin(0.05f)});
}

TEST(Mask, HidesTheFutureAndWhatLeftTheWindow) {
  Array result = mask(Array::zeros({3, 1, 3}), 2);
  EXPECT_EQ(result.floats(),
            (std::vector<float>{0, -kInfinity, -kInfinity, 0, 0, -kInfinity, -kInfinity, 0, 0}));
}

TEST(Scores, GroupsHeadsInOrder) {
  // Query heads 0, 1 read key head 0; 2, 3 read key head 1.
  Array result = scores(floats({1, 4, 1}, {1, 2, 3, 4}), floats({1, 2, 1}, {10, 100}), 0.5f);
  EXPECT_EQ(result.floats(), (std::vector<float>{5, 10, 150, 200}));
  EXPECT_EQ(mix(floats({1, 4, 1}, {1, 1, 1, 1}), floats({1, 2, 1}, {7, 8})).floats(),
            (std::vector<float>{7, 7, 8, 8}));
}

class AnyCut : public testing::TestWithParam<int64_t> {};

TEST_P(AnyCut, GivesTheSameAttention) {
  constexpr int64_t kTokens = 37, kWindow = 6;
  Array query = noise({kTokens, 4, 8}, 1), keys = noise({kTokens, 2, 8}, 2),
        values = noise({kTokens, 2, 8}, 3);
  auto rows = [](const Array &x, int64_t first, int64_t count) {
    Shape shape = x.shape();
    shape[0] = count;
    auto from = x.floats().begin() + first * x.width();
    return Array(std::move(shape), std::vector<float>(from, from + count * x.width()));
  };
  for (std::optional<int64_t> window : {std::optional<int64_t>(), std::optional(kWindow)}) {
    // A ring has just the slots that its window and one call need.
    Array slots = Array::zeros({window ? *window - 1 + GetParam() : kTokens, 2, 8});
    Cache cache{slots, slots};
    Array whole = attention(query, keys, values, 0.5f, window);
    for (int64_t first = 0; first < kTokens; first += GetParam()) {
      int64_t count = std::min(GetParam(), kTokens - first);
      Array positions = from(first, count);
      cacheWrite(cache, rows(keys, first, count), rows(values, first, count), positions);
      Array part = cachedAttention(rows(query, first, count), cache, positions, positions, 0.5f, window);
      EXPECT_EQ(part.floats(), rows(whole, first, count).floats()) << "at position " << first;
    }
  }
}

// A block: its first token sees what stands behind it, but no token sees further back than its own window.
TEST(CachedAttention, SeesUpToWhatIsVisible) {
  Array slots = Array::zeros({4, 1, 1});
  Cache cache{slots, slots};
  Array positions = from(0, 4), visible({4}, std::vector<int32_t>{0, 2, 2, 3});
  cacheWrite(cache, floats({4, 1, 1}, {0, 0, 0, 0}), floats({4, 1, 1}, {1, 2, 4, 8}), positions);
  // Keys of 0 make attention the mean of what is seen.
  Array seen = cachedAttention(floats({4, 1, 1}, {1, 1, 1, 1}), cache, positions, visible, 1.0f, 2);
  expectNear(seen, {1, 7.0f / 3, 3, 6});
}

INSTANTIATE_TEST_SUITE_P(Chunks, AnyCut, testing::Values(1, 5, 7, 37));

TEST(CacheWrite, RoundsToHalfWhereStored) {
  Array slots = Array::zeros({1, 1, 2});
  Cache cache{slots, slots, Scheme::f16};
  // Between 1 and the next float16, 1 + 2^-10, halfway goes to even.
  cacheWrite(cache, floats({1, 1, 2}, {1.0f + 0x1p-11f, 1.0f + 0x1.8p-11f}),
             floats({1, 1, 2}, {65504, 1e-8f}), from(0, 1));
  EXPECT_EQ(cache.keys.floats(), (std::vector<float>{1, 1 + 0x1p-10f}));
  EXPECT_EQ(cache.values.floats(), (std::vector<float>{65504, 0}));
}

TEST(CacheWrite, RoundsToBytesOfAHead) {
  Array slots = Array::zeros({1, 2, 2});
  Cache cache{slots, slots, Scheme::q8_0};
  // Each head has its own scale; a head of zeros has none to divide by.
  cacheWrite(cache, floats({1, 2, 2}, {-127, 0.6f, 1.27f, 0.004f}), floats({1, 2, 2}, {0, 0, 254, 3}),
             from(0, 1));
  EXPECT_EQ(cache.keys.floats(), (std::vector<float>{-127, 1, 127 * (1.27f / 127), 0}));
  EXPECT_EQ(cache.values.floats(), (std::vector<float>{0, 0, 254, 4}));
}

TEST(TopK, TakesTheLowerIdAmongEquals) {
  Chosen chosen = topK(floats({1, 4}, {0.2f, 0.3f, 0.2f, 0.3f}), floats({4}, {1, 2, 4, 8}), 3);
  EXPECT_EQ(chosen.ids.ids(), (std::vector<int32_t>{1, 3, 0}));
  expectNear(chosen.weights, {0.375f * 2, 0.375f * 8, 0.25f * 1});
}

TEST(GroupByExpert, IsStable) {
  Groups groups = groupByExpert(ids({3, 2}, {2, 0, 0, 2, 2, 3}), 4);
  EXPECT_EQ(groups.order.ids(), (std::vector<int32_t>{1, 2, 0, 3, 4, 5}));
  EXPECT_EQ(groups.place.ids(), (std::vector<int32_t>{2, 0, 1, 3, 4, 5}));
  EXPECT_EQ(groups.offsets.ids(), (std::vector<int32_t>{0, 2, 2, 5, 6}));
}

TEST(Experts, AreTheSameGatheredAndGrouped) {
  Array x = noise({5, 6}, 1), gateUp = noise({4, 8, 6}, 2), down = noise({4, 6, 4}, 3);
  Chosen chosen = topK(softmax(noise({5, 4}, 4)), noise({4}, 5), 2);
  Array whole = experts(x, chosen.ids, chosen.weights, gateUp, down);

  Groups groups = groupByExpert(chosen.ids, 4);
  Array both = groupedLinear(gatherTokens(x, groups.order, 2), groups.offsets, gateUp);
  Array inner = geluMul(slice(both, 1, 0, 4, false), slice(both, 1, 4, 4, false));
  Array grouped = combineGroups(groupedLinear(inner, groups.offsets, down), groups.place, chosen.weights);
  EXPECT_EQ(whole.floats(), grouped.floats());
}

TEST(ExpertLinear, ReadsOnlyTheChosenMatrices) {
  // Expert e multiplies by e.
  Array weight = floats({3, 1, 1}, {0, 1, 2});
  EXPECT_EQ(expertLinear(floats({2, 1}, {5, 7}), ids({2, 2}, {2, 1, 0, 2}), weight).floats(),
            (std::vector<float>{10, 5, 0, 14}));
  EXPECT_EQ(expertLinear(floats({1, 2, 1}, {5, 7}), ids({1, 2}, {2, 1}), weight).floats(),
            (std::vector<float>{10, 7}));
}

} // namespace
} // namespace gemmac::reference
