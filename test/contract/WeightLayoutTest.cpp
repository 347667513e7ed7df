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

/// A number of a quantized weight, found by what the header says.
class Found {
public:
  Found(Layout layout, Scheme scheme, WeightShape shape, const Packed &packed)
      : tiled(layout == Layout::tiles16), scheme(rowOf(scheme)), shape(shape), packed(packed) {}

  float number(int64_t expert, int64_t row, int64_t column) {
    int64_t unit = column / 32, n = column % 32 / 4, j = column % 4, group = column % 32 / scheme.group;
    size_t plane = 0;
    auto bitsOf = [&](int bits) {
      int64_t byte = n % bits, shift = bits * (n / bits);
      uint8_t found = tiled       ? at(plane, {expert, row / 16, unit, byte, row % 16, j})
                      : bits == 8 ? at(plane, {expert, row, column})
                                  : at(plane, {expert, row, unit, 4 * byte + j});
      ++plane;
      return found >> shift & ((1 << bits) - 1);
    };
    int stored = bitsOf(scheme.bits);
    if (scheme.highBits)
      stored |= bitsOf(scheme.highBits) << scheme.bits;
    int value = scheme.values      ? scheme.values[stored]
                : scheme.bits == 8 ? int8_t(stored)
                                   : stored - scheme.bias;
    float step = 1, offset = 1;
    if (scheme.mostFactor) {
      auto factor = [&](int64_t which) {
        return float(int8_t(tiled ? at(plane, {expert, row / 16, unit, which, row % 16})
                                  : at(plane, {expert, row, unit, which})));
      };
      step = factor(group);
      if (scheme.hasMinimum)
        offset = factor(32 / scheme.group + group);
      ++plane;
    }
    auto scale = [&](int64_t which) {
      std::vector<int64_t> index = {expert, tiled ? row / 16 : row, column / scheme.block};
      if (scheme.hasMinimum)
        index.push_back(which);
      if (tiled)
        index.push_back(row % 16);
      index.push_back(0);
      uint8_t low = at(plane, index, 2);
      index.back() = 1;
      return fromHalf(uint16_t(low | at(plane, index, 2) << 8));
    };
    float number = step * scale(0) * float(value);
    return scheme.hasMinimum ? number + offset * scale(1) : number;
  }

private:
  /// The byte at an index; the last one counts bytes if numbers have several.
  uint8_t at(size_t plane, std::vector<int64_t> index, int64_t bytes = 1) const {
    std::vector<int64_t> sizes = packed.planes[plane].shape;
    if (bytes > 1)
      sizes.push_back(bytes);
    if (!shape.experts)
      index.erase(index.begin());
    EXPECT_EQ(index.size(), sizes.size());
    int64_t offset = 0;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      offset = offset * sizes[axis] + index[axis];
    return packed.bytes[plane].at(size_t(offset));
  }

  bool tiled;
  const SchemeRow &scheme;
  WeightShape shape;
  const Packed &packed;
};

TEST(PackRows, QuantizedNumbersStandWhereTheHeaderSays) {
  for (const SchemeRow &scheme : allSchemes())
    for (Layout layout : {Layout::rows, Layout::tiles16})
      for (int64_t experts : {0, 3}) {
        if (!scheme.weights || !scheme.quantized())
          continue;
        WeightShape shape{experts, 19, scheme.block == 32 ? 96 : 512};
        Packed packed = pack(layout, scheme.scheme, shape);
        Found found(layout, scheme.scheme, shape, packed);
        for (int64_t expert = 0; expert < std::max<int64_t>(experts, 1); ++expert)
          for (int64_t row = 0; row < shape.rows; ++row)
            for (int64_t column = 0; column < shape.columns; ++column)
              ASSERT_EQ(found.number(expert, row, column),
                        packed.rows[size_t(expert * 19 + row)][size_t(column)])
                  << scheme.name << nameOf(layout) << expert << " " << row << " " << column;
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
