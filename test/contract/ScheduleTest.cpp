//===- ScheduleTest.cpp - what kernels get by default, and what else they may be tried with -----------===//

#include "contract/Schedule.h"
#include "contract/KernelFamily.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace gemmac;

namespace {

Target avx2() {
  Target target;
  target.mixedSigns8 = target.pairProducts16 = true;
  return target;
}

Target avx512() {
  Target target = avx2();
  target.vectorBytes = 64;
  target.vectorRegisters = 32;
  target.l2 = 1 << 20;
  return target;
}

Target tiles() {
  Target target = avx512();
  target.dotProduct8 = target.matrixTiles8 = true;
  return target;
}

Target neon() {
  Target target;
  target.vectorBytes = 16;
  target.vectorRegisters = 32;
  return target;
}

KernelSpec linear(const std::string &scheme, int64_t tokens) {
  return {"linear",
          {{"input", int64_t{2048}},
           {"output", int64_t{4096}},
           {"rows", int64_t{4096}},
           {"offset", int64_t{0}},
           {"tokens", tokens},
           {"scheme", scheme}}};
}

KernelSpec attention(const std::string &family, int64_t heads) {
  return {family,
          {{"heads", heads},
           {"kv_heads", int64_t{1}},
           {"dim", int64_t{64}},
           {"slots", int64_t{512}},
           {"window", int64_t{0}},
           {"scale", 1.0},
           {"scheme", "f16"}}};
}

std::string defaultFor(const KernelSpec &spec, const Target &target) {
  return textOf(defaultSchedule(spec, target));
}

TEST(DefaultSchedule, FillsTheRegistersWithSums) {
  EXPECT_EQ(defaultFor(linear("f32", 0), avx2()),
            "{row_tiles = 1, tokens = 6, token_groups = 4, grain = 16}");
  EXPECT_EQ(defaultFor(linear("q4_0", 0), avx2()),
            "{row_tiles = 1, tokens = 4, token_groups = 32, unpack = 1, grain = 16}");
  EXPECT_EQ(defaultFor(linear("f32", 0), avx512()),
            "{row_tiles = 2, tokens = 8, token_groups = 8, grain = 16}");
  EXPECT_EQ(defaultFor(linear("q8_0", 0), neon()),
            "{row_tiles = 1, tokens = 4, token_groups = 32, grain = 16}");
  EXPECT_EQ(defaultFor(linear("q8_0", 1), neon()),
            "{row_tiles = 2, tokens = 1, token_groups = 1, grain = 64}");
  EXPECT_EQ(defaultFor(attention("cached_attention", 8), avx2()),
            "{tokens = 3, rows = 6, key_groups = 1, grain = 3}");
  EXPECT_EQ(defaultFor(attention("cached_attention", 7), avx512()),
            "{tokens = 6, rows = 6, key_groups = 2, grain = 6}");
  EXPECT_EQ(defaultFor(attention("attention_spans", 8), avx512()), "{rows = 4, key_groups = 2, grain = 1}");
}

TEST(DefaultSchedule, HasMatrixTilesWhereTheTargetHasThem) {
  EXPECT_EQ(defaultFor(linear("q4_0", 0), tiles()),
            "{row_tiles = 1, tokens = 16, token_groups = 16, unpack = 1, matrix_tiles = 1, grain = 16}");
  EXPECT_EQ(defaultFor(linear("q8_0", 0), tiles()),
            "{row_tiles = 1, tokens = 16, token_groups = 16, matrix_tiles = 1, grain = 16}");
  EXPECT_EQ(defaultSchedule(linear("f32", 0), tiles()).matrixTiles, 0);
  KernelSpec large = linear("q8_0", 0); // its numbers are counted in 64 bits
  large.constants["rows"] = int64_t{1} << 20;
  EXPECT_EQ(defaultSchedule(large, tiles()).matrixTiles, 0);
}

TEST(DefaultSchedule, KeepsTokensInTheSecondLevelOfCache) {
  Target target = avx2();
  int64_t groups = defaultSchedule(linear("f32", 0), target).tokenGroups;
  target.l2 *= 2;
  EXPECT_EQ(defaultSchedule(linear("f32", 0), target).tokenGroups, 2 * groups);
  target.l2 = 1;
  EXPECT_EQ(defaultSchedule(linear("f32", 0), target).tokenGroups, 1);
}

TEST(CandidateSchedules, AreDifferentAndPossible) {
  for (const Target &target : {avx2(), avx512(), tiles(), neon()})
    for (const KernelFamily &family : kernelFamilies())
      for (KernelSpec spec : examplesOf(family)) {
        std::vector<Schedule> candidates = candidateSchedules(spec, target);
        ASSERT_FALSE(candidates.empty());
        EXPECT_EQ(candidates[0], defaultSchedule(spec, target));
        for (size_t i = 0; i < candidates.size(); ++i) {
          spec.schedule = candidates[i];
          EXPECT_EQ(problemWithSchedule(spec, target), "") << spec.text();
          EXPECT_EQ(std::ranges::count(candidates, candidates[i]), 1) << spec.text();
        }
      }
}

TEST(CandidateSchedules, FitTheRegisters) {
  auto most = [](const Target &target) {
    int64_t most = 0;
    for (const Schedule &schedule : candidateSchedules(linear("f32", 0), target))
      most = std::max(most, schedule.rowTiles * schedule.tokens);
    return most;
  };
  EXPECT_EQ(most(avx2()), 6);
  EXPECT_EQ(most(avx512()), 24);
  EXPECT_EQ(most(neon()), 6);
  EXPECT_GE(candidateSchedules(attention("cached_attention", 8), avx2()).size(), 3u);
  EXPECT_GE(candidateSchedules(linear("q4_0", 1), avx2()).size(), 3u);
}

TEST(ProblemWithSchedule, NamesWhatIsWrong) {
  auto problem = [](KernelSpec spec, const Target &target, auto change) {
    spec.schedule = defaultSchedule(spec, target);
    change(spec.schedule);
    return problemWithSchedule(spec, target);
  };
  KernelSpec many = linear("q8_0", 0), one = linear("q8_0", 1), prompt = attention("cached_attention", 8),
             spans = attention("attention_spans", 8);
  EXPECT_EQ(problem(many, avx2(), [](Schedule &s) { s.rows = 6; }), "linear has no rows to choose");
  EXPECT_EQ(problem(many, avx2(), [](Schedule &s) { s.rowTiles = 17; }),
            "row_tiles = 17 is not within 0 … 16");
  EXPECT_EQ(problem(many, avx2(), [](Schedule &s) { s.tokens = -1; }), "tokens = -1 is not within 0 … 1024");
  EXPECT_EQ(problem(many, avx2(), [](Schedule &s) { s.tokens = 0; }), "the schedule does not say tokens");
  EXPECT_EQ(problem(spans, avx2(), [](Schedule &s) { s.keyGroups = 3; }),
            "key_groups = 3 is no power of two");
  EXPECT_NE(problem(many, avx2(), [](Schedule &s) { s.matrixTiles = 1; }), "");
  EXPECT_NE(problem(many, tiles(), [](Schedule &s) { s.tokens = 8; }), "") << "a tile has 16";
  EXPECT_NE(problem(many, neon(), [](Schedule &s) { s.unpack = 1; }), "") << "nothing to unpack";
  EXPECT_NE(problem(one, avx2(), [](Schedule &s) { s.tokens = 2; }), "");
  EXPECT_EQ(problem(prompt, avx2(), [](Schedule &s) { s.tokens = 2; }),
            "2 tokens of 8 heads are no whole groups of 6 rows");
  EXPECT_EQ(problem(spans, avx2(), [](Schedule &s) { s.rows = 3; }),
            "3 rows do not divide the 8 heads of a kv head");
}

TEST(KernelSpec, IsAnotherWithAnotherSchedule) {
  KernelSpec spec = linear("q4_0", 0), other = spec;
  spec.schedule = defaultSchedule(spec, avx2());
  other.schedule = spec.schedule;
  EXPECT_EQ(spec, other);
  EXPECT_EQ(spec.symbol(), other.symbol());
  other.schedule.tokenGroups *= 2;
  EXPECT_NE(spec, other);
  EXPECT_NE(spec.symbol(), other.symbol());
}

TEST(KernelSpec, DoesNotTakeAWordForANumber) {
  KernelSpec number{"k", {{"a", int64_t{1}}}}, word{"k", {{"a", "1"}}}, both{"k", {{"a", "1;b=2"}}},
      two{"k", {{"a", "1"}, {"b", int64_t{2}}}};
  EXPECT_NE(number.symbol(), word.symbol());
  EXPECT_NE(both.symbol(), two.symbol());
}

} // namespace
