//===- WeightLayoutTest.cpp - where stored numbers stand in their planes --------------------------------===//

#include "contract/WeightLayout.h"
#include "contract/SmallFloats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

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

struct Packed {
  std::vector<Plane> planes;
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<std::vector<float>> rows; // what loadRow gives, by expert and row
};

Packed pack(Layout layout, Scheme scheme, WeightShape shape) {
  Packed packed{planesOf(layout, scheme, shape), {}, {}};
  std::vector<uint8_t *> starts;
  for (const Plane &plane : packed.planes)
    packed.bytes.emplace_back(plane.bytes());
  for (auto &bytes : packed.bytes)
    starts.push_back(bytes.data());
  std::vector<uint8_t> stored(storedRowBytes(scheme, shape.columns));
  for (int64_t expert = 0; expert < std::max<int64_t>(shape.experts, 1); ++expert)
    for (int64_t row = 0; row < shape.rows; ++row) {
      storeRow(scheme, randomRow(shape.columns, unsigned(expert * 1000 + row)), stored.data());
      packRows(layout, scheme, shape, expert, row, 1, stored.data(), starts);
      packed.rows.emplace_back(shape.columns);
      loadRow(scheme, stored.data(), packed.rows.back());
    }
  return packed;
}

TEST(PackRows, FloatTilesInterleaveSixteenRows) {
  WeightShape shape{0, 19, 5};
  Packed packed = pack(Layout::tiles16, Scheme::f32, shape);
  ASSERT_EQ(packed.planes[0].shape, (std::vector<int64_t>{2, 5, 16}));
  const float *numbers = reinterpret_cast<const float *>(packed.bytes[0].data());
  for (int64_t row = 0; row < 32; ++row)
    for (int64_t c = 0; c < 5; ++c)
      EXPECT_EQ(numbers[(row / 16 * 5 + c) * 16 + row % 16], row < 19 ? packed.rows[row][c] : 0);
}

TEST(PackRows, QuantizedTilesHoldTheHeadersOrder) {
  for (Scheme scheme : {Scheme::q8_0, Scheme::q4_0}) {
    bool q8 = scheme == Scheme::q8_0;
    WeightShape shape{3, 20, 64};
    Packed packed = pack(Layout::tiles16, scheme, shape);
    ASSERT_EQ(packed.planes[0].shape, (std::vector<int64_t>{3, 2, 2, q8 ? 8 : 4, 16, 4}));
    ASSERT_EQ(packed.planes[1].shape, (std::vector<int64_t>{3, 2, 2, 16}));
    for (int64_t expert = 0; expert < 3; ++expert)
      for (int64_t row = 0; row < 20; ++row)
        for (int64_t c = 0; c < 64; ++c) {
          int64_t block = (expert * 2 + row / 16) * 2 + c / 32, column = c % 32,
                  in = q8 ? column : column % 16;
          uint8_t byte = packed.bytes[0][((block * (q8 ? 8 : 4) + in / 4) * 16 + row % 16) * 4 + in % 4];
          int number = q8 ? int8_t(byte) : (column < 16 ? byte & 15 : byte >> 4) - 8;
          uint16_t scale;
          std::memcpy(&scale, &packed.bytes[1][(block * 16 + row % 16) * 2], 2);
          EXPECT_EQ(fromHalf(scale) * float(number), packed.rows[expert * 20 + row][c]);
        }
  }
}

TEST(PackRows, RowsKeepTheirBlocks) {
  WeightShape shape{0, 3, 64};
  Packed packed = pack(Layout::rows, Scheme::q4_0, shape);
  ASSERT_EQ(packed.planes[0].shape, (std::vector<int64_t>{3, 2, 16}));
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t c = 0; c < 64; ++c) {
      uint8_t byte = packed.bytes[0][(row * 2 + c / 32) * 16 + c % 16];
      uint16_t scale;
      std::memcpy(&scale, &packed.bytes[1][(row * 2 + c / 32) * 2], 2);
      EXPECT_EQ(fromHalf(scale) * float((c % 32 < 16 ? byte & 15 : byte >> 4) - 8), packed.rows[row][c]);
    }
}

} // namespace
