//===- LatticeTest.cpp - lattices are found in their bfloat16 numbers, and nowhere else -----------------===//

#include "contract/Lattice.h"
#include "contract/SmallFloats.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>

using namespace gemmac;

namespace {

using Numbers = std::array<float, 32>;

float rounded(float number) {
  return fromBfloat(toBfloat(number));
}

/// Numbers of a lattice as a checkpoint holds them.
template <typename Integer>
Numbers checkpointOf(float scale, Integer integer) {
  Numbers numbers;
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = rounded(scale * float(integer(i)));
  return numbers;
}

void expectSame(const Numbers &numbers, const Q4Lattice &found) {
  for (size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(rounded(fromHalf(found.scale) * float(found.integers[i])), numbers[i]) << i;
}

TEST(Lattice, IsFoundForAnyScaleAndIntegers) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 20000; ++trial) {
    // From the smallest of normal scales up, of both signs.
    auto bits = uint16_t(0x0400 + random() % 0x7000);
    float scale = fromHalf(bits | uint16_t(random() % 2 ? 0x8000 : 0));
    std::array<int, 32> integers;
    for (int &integer : integers)
      integer = int(random() % 16) - 8;
    Numbers numbers = checkpointOf(scale, [&](size_t i) { return integers[i]; });
    std::optional<Q4Lattice> found = findQ4Lattice(numbers);
    ASSERT_TRUE(found) << scale;
    expectSame(numbers, *found);
  }
}

TEST(Lattice, HasTheIntegersThatWereTrained) {
  Numbers numbers = checkpointOf(0.01234567f, [](size_t i) { return int(i % 16) - 8; });
  std::optional<Q4Lattice> found = findQ4Lattice(numbers);
  ASSERT_TRUE(found);
  for (size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(found->integers[i], int(i % 16) - 8);
  EXPECT_NEAR(fromHalf(found->scale), 0.01234567f, 0.01234567f / 512);
  // A scale below 0 where the farthest number is above.
  Numbers mirrored = checkpointOf(-0.01234567f, [](size_t i) { return int(i % 16) - 8; });
  found = findQ4Lattice(mirrored);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->integers[0], -8);
  EXPECT_LT(fromHalf(found->scale), 0);
}

TEST(Lattice, OfFewLevels) {
  for (int most = 0; most <= 8; ++most) {
    Numbers numbers = checkpointOf(0.037f, [&](size_t i) { return i % 5 == 0 ? -most : 0; });
    std::optional<Q4Lattice> found = findQ4Lattice(numbers);
    ASSERT_TRUE(found) << most;
    expectSame(numbers, *found);
  }
}

TEST(Lattice, IsNotThereInOtherNumbers) {
  std::mt19937 random(2);
  std::normal_distribution<float> weights(0, 0.02f);
  for (int trial = 0; trial < 20000; ++trial) {
    Numbers numbers;
    for (float &number : numbers)
      number = rounded(weights(random));
    EXPECT_FALSE(findQ4Lattice(numbers));
  }
}

TEST(Lattice, IsNotThereIfOneNumberIsBesideIt) {
  for (size_t i = 0; i < 32; ++i) {
    Numbers numbers = checkpointOf(0.0123f, [](size_t j) { return int(j % 15) - 7; });
    numbers[i] += 0.0123f / 3;
    numbers[i] = rounded(numbers[i]);
    EXPECT_FALSE(findQ4Lattice(numbers)) << i;
  }
}

TEST(Lattice, NeedsFiniteBfloats) {
  Numbers numbers = checkpointOf(0.5f, [](size_t i) { return int(i % 16) - 8; });
  EXPECT_TRUE(findQ4Lattice(numbers));
  for (float wrong :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 0.50001f}) {
    Numbers changed = numbers;
    changed[31] = wrong;
    EXPECT_FALSE(findQ4Lattice(changed)) << wrong;
  }
  // Scales beyond float16.
  EXPECT_FALSE(findQ4Lattice(checkpointOf(1e6f, [](size_t i) { return int(i % 16) - 8; })));
  EXPECT_FALSE(findQ4Lattice(checkpointOf(1e-12f, [](size_t i) { return int(i % 16) - 8; })));
}

} // namespace
