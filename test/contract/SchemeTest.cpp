//===- SchemeTest.cpp - the rows of schemes, and what storing does to numbers ---------------------------===//

#include "contract/Scheme.h"
#include "contract/SmallFloats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

using namespace gemmac;

namespace {

std::vector<float> randomRow(int64_t columns, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> row(columns);
  for (float &x : row)
    x = normal(generator);
  return row;
}

std::vector<float> throughStore(Scheme scheme, const std::vector<float> &row) {
  std::vector<uint8_t> stored(storedRowBytes(scheme, int64_t(row.size())));
  storeRow(scheme, row, stored.data());
  std::vector<float> back(row.size());
  loadRow(scheme, stored.data(), back);
  return back;
}

TEST(Scheme, RowsAreFoundByTheirNamesAndAreWhole) {
  std::set<std::string_view> names;
  for (const SchemeRow &row : allSchemes()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_EQ(findScheme(row.name), row.scheme);
    EXPECT_EQ(&rowOf(row.scheme), &row);
    EXPECT_TRUE(row.weights || row.caches);
    EXPECT_EQ(row.quantized(), row.integers != nullptr);
    EXPECT_EQ(row.quantized(), row.scaleBytes != 0);
    if (!row.quantized())
      EXPECT_EQ(row.numberBytes, bytesOf(row.element));
  }
  EXPECT_EQ(findScheme("q4_1"), std::nullopt);
  EXPECT_EQ(findScheme(""), std::nullopt);
  EXPECT_EQ(namesOfSchemes(&SchemeRow::weights), "f32, bf16, q8_0, q4_0");
  EXPECT_EQ(namesOfSchemes(&SchemeRow::caches), "f32, f16, q8_0");
  EXPECT_EQ(rowOf(Scheme::q4_0).bitsPerNumber(), 4.5);
  EXPECT_EQ(rowOf(Scheme::q8_0).bitsPerNumber(), 8.5);
}

// The integers of a block are what loading multiplies with the scale.
TEST(Scheme, IntegersTimesTheScaleAreTheNumbers) {
  for (const SchemeRow &row : allSchemes()) {
    if (!row.quantized())
      continue;
    SCOPED_TRACE(row.name);
    std::vector<float> numbers = randomRow(row.block, 3), back(numbers.size());
    std::vector<uint8_t> stored(size_t(row.blockBytes()));
    std::vector<int8_t> integers(numbers.size());
    float scale;
    storeRow(row.scheme, numbers, stored.data());
    loadRow(row.scheme, stored.data(), back);
    row.integers(stored.data(), integers.data(), &scale);
    for (size_t i = 0; i < back.size(); ++i)
      EXPECT_EQ(back[i], scale * float(integers[i]));
  }
}

TEST(SmallFloats, EveryHalfComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits)
    if ((bits & 0x7c00) != 0x7c00 || (bits & 0x3ff) == 0)
      ASSERT_EQ(toHalf(fromHalf(uint16_t(bits))), bits);
  EXPECT_TRUE(std::isnan(fromHalf(toHalf(NAN))));
}

TEST(SmallFloats, RoundToNearestTiesToEven) {
  EXPECT_EQ(toHalf(65519.0f), 0x7bff);
  EXPECT_EQ(toHalf(65520.0f), 0x7c00);
  EXPECT_EQ(toHalf(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(toHalf(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(toHalf(0x1p-25f), 0);
  EXPECT_EQ(toHalf(3 * 0x1p-25f), 2);
  EXPECT_EQ(toBfloat(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(toBfloat(1.0f + 3 * 0x1p-8f), 0x3f82);
}

TEST(StoreRow, Q4NumbersOnAGridComeBackExactly) {
  std::mt19937 generator(1);
  for (int trial = 0; trial < 2000; ++trial) {
    // Also grids whose ends are not used.
    int low = int(generator() % 8) - 8, high = int(generator() % 8);
    float scale = fromHalf(uint16_t(0x1000 + generator() % 0x4000));
    std::vector<float> row(32);
    for (float &x : row)
      x = scale * float(low + int(generator() % unsigned(high - low + 1)));
    ASSERT_EQ(throughStore(Scheme::q4_0, row), row);
  }
}

TEST(StoreRow, ErrorsStayBelowAStep) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<float> row = randomRow(64, seed), q8 = throughStore(Scheme::q8_0, row),
                       q4 = throughStore(Scheme::q4_0, row);
    for (size_t i = 0; i < row.size(); ++i) {
      EXPECT_NEAR(q8[i], row[i], 5.0f / 127 / 2 * 1.01f);
      EXPECT_NEAR(q4[i], row[i], 5.0f / 7);
    }
  }
}

TEST(StoreRow, ZerosStayZero) {
  std::vector<float> zeros(32);
  for (const SchemeRow &row : allSchemes())
    EXPECT_EQ(throughStore(row.scheme, zeros), zeros) << row.name;
}

} // namespace
