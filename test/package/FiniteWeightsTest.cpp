//===- FiniteWeightsTest.cpp - numbers that no weight may have, named by their place --------------------===//

#include "PlannedPacking.h"
#include "gtest/gtest.h"

#include <limits>

using namespace gemmac;
using namespace gemmac::test;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN(),
            kInfinity = std::numeric_limits<float>::infinity();

TEST(FiniteWeights, TheFirstNumberThatIsNotIsNamed) {
  for (Scheme scheme : {Scheme::f32, Scheme::bf16, Scheme::q8_0, Scheme::q4_0})
    for (Layout layout : {Layout::rows, Layout::tiles16})
      for (auto [number, shown] : {std::pair(kNan, "nan"), {kInfinity, "inf"}, {-kInfinity, "-inf"}}) {
        std::vector<float> all = numbers(2 * 20 * 64, 14);
        all[(20 + 17) * 64 + 33] = number;
        all[(20 + 18) * 64] = kNan;
        MemorySource source;
        source.addFloats("a", {2, 20, 64}, all);
        PlannedWeight weight = plan(scheme, layout, {2, 20, 64}, {{"a", {}, {}}});
        EXPECT_EQ(errorOf(weight, source), std::string("memory: tensor 'a': number [1, 17, 33] is ") + shown +
                                               ", but every weight must be finite");
      }
}

TEST(FiniteWeights, NamesTheNumberOfAVectorThatIsNotFinite) {
  std::vector<float> all = numbers(40, 15);
  all[2] = kNan;
  MemorySource source;
  source.addFloats("norms", {40}, all);
  PlannedWeight weight =
      plan(Scheme::f32, Layout::vector, {13}, {rowsOf("norms", 30, 40), rowsOf("norms", 0, 3)});
  weight.addOne = true;
  EXPECT_EQ(errorOf(weight, source),
            "memory: tensor 'norms': number [2] is nan, but every weight must be finite");
}

// A range is named by its place in the tensor, and a block by its first number.
TEST(FiniteWeights, NamesTheBlockWhoseScaleIsNotFinite) {
  std::vector<uint8_t> blocks = countedBlocks(15);
  blocks[18 * 11 + 1] = 0x7c; // the scale of block 2 of row 3 is infinite
  MemorySource source;
  source.add("a", "q4_0", {5, 96}, blocks);
  const TensorRange range = {"a", IndexRange{1, 4}, IndexRange{64, 96}};
  for (Scheme scheme : {Scheme::q4_0, Scheme::q8_0, Scheme::f32})
    EXPECT_EQ(errorOf(plan(scheme, Layout::rows, {3, 32}, {range}), source),
              "memory: tensor 'a': number [3, 64] is inf, but every weight must be finite");
}

TEST(FiniteWeights, NamesTheNumberThatASchemeCannotHold) {
  std::vector<float> all = numbers(8 * 64, 16);
  all[3 * 64 + 40] = 1e10f;
  MemorySource source;
  source.addFloats("a", {8, 64}, all);
  for (auto [scheme, name] : {std::pair(Scheme::q8_0, "q8_0"), {Scheme::q4_0, "q4_0"}})
    EXPECT_EQ(errorOf(plan(scheme, Layout::tiles16, {8, 64}, {{"a", {}, {}}}), source),
              std::string("memory: tensor 'a': number [3, 40] is 1e+10, too large for ") + name +
                  "; another --scheme, such as f32, holds it");
  EXPECT_EQ(errorOf(plan(Scheme::bf16, Layout::tiles16, {8, 64}, {{"a", {}, {}}}), source), "");
}

} // namespace
