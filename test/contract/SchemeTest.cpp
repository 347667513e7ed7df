//===- SchemeTest.cpp - the rows of schemes, and what storing does to numbers ---------------------------===//

#include "contract/Scheme.h"
#include "contract/SmallFloats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
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
    EXPECT_EQ(row.quantized(), row.split && row.join);
    if (!row.quantized())
      EXPECT_EQ(row.blockBytes, bytesOf(row.element));
  }
  EXPECT_EQ(findScheme("q8_1"), std::nullopt);
  EXPECT_EQ(findScheme(""), std::nullopt);
  EXPECT_EQ(namesOfSchemes(&SchemeRow::weights),
            "f32, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, iq4_nl, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_xs");
  EXPECT_EQ(namesOfSchemes(&SchemeRow::caches), "f32, f16, q8_0");
  EXPECT_EQ(rowOf(Scheme::q4_0).bitsPerNumber(), 4.5);
  EXPECT_EQ(rowOf(Scheme::q8_0).bitsPerNumber(), 8.5);
  EXPECT_EQ(rowOf(Scheme::q6_k).bitsPerNumber(), 6.5625);
}

std::vector<const SchemeRow *> quantizedSchemes() {
  std::vector<const SchemeRow *> rows;
  for (const SchemeRow &row : allSchemes())
    if (row.quantized())
      rows.push_back(&row);
  return rows;
}

TEST(Scheme, BlocksAreTakenApartAndPutTogether) {
  std::mt19937 generator(5);
  for (const SchemeRow *row : quantizedSchemes()) {
    SCOPED_TRACE(row->name);
    for (int trial = 0; trial < 100; ++trial) {
      std::vector<uint8_t> stored(size_t(row->blockBytes)), again(stored.size(), 0xaa);
      for (uint8_t &byte : stored)
        byte = uint8_t(generator());
      BlockParts parts;
      row->split(stored.data(), parts);
      row->join(parts, again.data());
      ASSERT_EQ(stored, again);
    }
  }
}

TEST(Scheme, NumbersAreStepsTimesValuesAndOffsets) {
  for (const SchemeRow *row : quantizedSchemes()) {
    SCOPED_TRACE(row->name);
    std::vector<float> numbers = randomRow(row->block, 3), back(numbers.size());
    std::vector<uint8_t> stored(size_t(row->blockBytes));
    storeRow(row->scheme, numbers, stored.data());
    loadRow(row->scheme, stored.data(), back);
    BlockParts parts;
    row->split(stored.data(), parts);
    for (size_t i = 0; i < back.size(); ++i) {
      GroupStep step = stepOf(*row, parts, int64_t(i) / row->group);
      float product = step.step * float(row->valueOf(parts.numbers[i]));
      EXPECT_EQ(back[i], product + step.offset);
    }
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

// Relative errors (RMS) of normally distributed numbers: a scheme with more bits loses less.
// Of numbers that were on a grid before they were rounded to bfloat16, the grid comes back.
TEST(StoreRow, Q4NumbersThatWereOnAGridComeBackAsTheirBfloats) {
  std::vector<float> row(256), kept(256);
  for (size_t i = 0; i < row.size(); ++i)
    row[i] = fromBfloat(toBfloat(0.0117f * float(1 + i / 32) * float(int(i * 11 % 16) - 8)));
  std::vector<uint8_t> stored(size_t(storedRowBytes(Scheme::q4_0, 256)));
  storeRow(Scheme::q4_0, row, stored.data());
  loadRow(Scheme::q4_0, stored.data(), kept);
  for (size_t i = 0; i < row.size(); ++i)
    EXPECT_EQ(fromBfloat(toBfloat(kept[i])), row[i]) << i;
}

TEST(StoreRow, LosesWhatItsBitsAllow) {
  const std::map<std::string_view, double> most = {
      {"q8_0", 0.006}, {"q4_0", 0.09}, {"q4_1", 0.08}, {"q5_0", 0.05}, {"q5_1", 0.04}, {"iq4_nl", 0.085},
      {"q2_k", 0.32},  {"q3_k", 0.17}, {"q4_k", 0.08}, {"q5_k", 0.04}, {"q6_k", 0.02}, {"iq4_xs", 0.085}};
  for (const SchemeRow *row : quantizedSchemes()) {
    double squares = 0, of = 0;
    for (unsigned seed = 0; seed < 50; ++seed) {
      std::vector<float> numbers = randomRow(1024, seed), back = throughStore(row->scheme, numbers);
      for (size_t i = 0; i < numbers.size(); ++i) {
        squares += std::pow(double(numbers[i]) - back[i], 2);
        of += std::pow(numbers[i], 2);
      }
    }
    double loss = std::sqrt(squares / of);
    EXPECT_LT(loss, most.at(row->name)) << row->name;
    EXPECT_GT(loss, most.at(row->name) / 2) << row->name;
  }
}

TEST(StoreRow, ZerosStayZero) {
  std::vector<float> zeros(256);
  for (const SchemeRow &row : allSchemes())
    EXPECT_EQ(throughStore(row.scheme, zeros), zeros) << row.name;
}

} // namespace
