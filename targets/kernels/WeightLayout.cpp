//===- WeightLayout.cpp - how weights are packed for the kernels ----------------------------------------===//

#include "targets/kernels/WeightLayout.h"
#include "targets/kernels/SmallFloats.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>

namespace gemmac {

// A stored block of GGUF: the scale, then 32 numbers.
static constexpr int64_t kScaleBytes = 2;
static constexpr int64_t kQ8Bytes = 32, kQ4Bytes = 16;

size_t bytesOf(Element element) {
  switch (element) {
  case Element::f32:
    return 4;
  case Element::bf16:
  case Element::f16:
    return 2;
  case Element::i8:
  case Element::u8:
    return 1;
  }
  assert(false && "all elements are listed");
  return 0;
}

int64_t Plane::bytes() const {
  int64_t count = int64_t(bytesOf(element));
  for (int64_t size : shape)
    count *= size;
  return count;
}

static bool isQuantized(const std::string &scheme) {
  return scheme == "q8_0" || scheme == "q4_0";
}

static int64_t tilesOf(int64_t rows) {
  return (rows + kTileRows - 1) / kTileRows;
}

/// Bytes that 32 numbers of a quantized scheme take, without their scale.
static int64_t blockBytes(const std::string &scheme) {
  return scheme == "q8_0" ? kQ8Bytes : kQ4Bytes;
}

std::vector<Plane> planesOf(const std::string &layout, const std::string &scheme, WeightShape shape) {
  int64_t rows = shape.rows, columns = shape.columns, tiles = tilesOf(rows), blocks = columns / kBlock;
  assert((!isQuantized(scheme) || columns % kBlock == 0) && "rows of quantized numbers are whole blocks");
  bool tiled = layout == "tiles16";
  std::vector<Plane> planes;
  if (layout == "vector") {
    assert(scheme == "f32" && "vectors are float32");
    planes = {{Element::f32, {columns}}};
  } else if (scheme == "f32" || scheme == "bf16") {
    Element element = scheme == "f32" ? Element::f32 : Element::bf16;
    planes = {{element, {rows, columns}}};
    if (tiled)
      planes = {{element, {tiles, columns, kTileRows}}};
  } else if (scheme == "q8_0") {
    planes = {{Element::i8, {rows, columns}}, {Element::f16, {rows, blocks}}};
    if (tiled)
      planes = {{Element::i8, {tiles, blocks, 8, kTileRows, 4}}, {Element::f16, {tiles, blocks, kTileRows}}};
  } else {
    assert(scheme == "q4_0" && "the schemes of weights are f32, bf16, q8_0 and q4_0");
    planes = {{Element::u8, {rows, blocks, kQ4Bytes}}, {Element::f16, {rows, blocks}}};
    if (tiled)
      planes = {{Element::u8, {tiles, blocks, 4, kTileRows, 4}}, {Element::f16, {tiles, blocks, kTileRows}}};
  }
  if (shape.experts)
    for (Plane &plane : planes)
      plane.shape.insert(plane.shape.begin(), shape.experts);
  return planes;
}

int64_t storedRowBytes(const std::string &scheme, int64_t columns) {
  if (scheme == "f32")
    return 4 * columns;
  if (scheme == "bf16")
    return 2 * columns;
  assert(isQuantized(scheme) && columns % kBlock == 0 && "rows of quantized numbers are whole blocks");
  return columns / kBlock * (kScaleBytes + blockBytes(scheme));
}

static void storeHalf(uint8_t *to, uint16_t bits) {
  std::memcpy(to, &bits, 2);
}

static uint16_t loadHalf(const uint8_t *from) {
  uint16_t bits;
  std::memcpy(&bits, from, 2);
  return bits;
}

// Packing a checkpoint spends its time here. Twice as wide vectors change no bit: this file is compiled
// without fused multiply-adds.
// Sanitizers are not up yet when the loader chooses.
#define WITH_AVX2
#if defined(__x86_64__) && defined(__clang__)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#undef WITH_AVX2
#define WITH_AVX2 __attribute__((target_clones("avx2", "default")))
#endif
#endif

/// std::round of a number of at most 127, without a call.
static int roundHalfAway(float x) {
  int whole = int(x);
  float rest = x - float(whole); // exact
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

WITH_AVX2 static void storeQ8Block(const float *x, uint8_t *stored) {
  float largest = 0;
  for (int i = 0; i < kBlock; ++i)
    largest = std::max(largest, std::fabs(x[i]));
  float scale = largest / 127, inverse = scale != 0 ? 1 / scale : 0;
  storeHalf(stored, toHalf(scale));
  for (int i = 0; i < kBlock; ++i)
    stored[kScaleBytes + i] = uint8_t(roundHalfAway(x[i] * inverse));
}

/// The nearest grid number of each x, and the squared error; stops early above `limit`.
static inline __attribute__((always_inline)) float quantizeQ4(const float *x, float scale, float limit,
                                                              std::array<float, kBlock> &numbers) {
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a call.
  constexpr float round = 12582912.0f;
  constexpr int step = 8; // numbers between two looks at the limit
  float inverse = scale != 0 ? 1 / scale : 0, error = 0;
  for (int start = 0; start < kBlock && error < limit; start += step) {
    std::array<float, step> squares;
    for (int i = 0; i < step; ++i) {
      float wanted = std::min(std::max(x[start + i] * inverse, -8.0f), 7.0f);
      float number = (wanted + round) - round;
      float difference = x[start + i] - number * scale;
      numbers[start + i] = number;
      squares[i] = difference * difference;
    }
    for (int half = step / 2; half; half /= 2)
      for (int i = 0; i < half; ++i)
        squares[i] += squares[i + half];
    error += squares[0];
  }
  return error;
}

WITH_AVX2 static void storeQ4Block(const float *x, uint8_t *stored) {
  // The largest number divided by each of these is tried as the scale. -8 uses the whole range; those beside
  // it trade the largest number's error for the others'; the integers find the grid again if the numbers
  // already lie on one.
  static constexpr float kDivisors[] = {-8, -7.75f, -7.5f, -8.25f, -8.5f, -7, -9, 7, 7.5f, -6, 6,
                                        -5, 5,      -4,    4,      -3,    3,  -2, 2, -1,   1};
  float largest = 0;
  for (int i = 0; i < kBlock; ++i)
    if (std::fabs(x[i]) > std::fabs(largest))
      largest = x[i];
  float best = INFINITY;
  uint16_t bestScale = 0;
  std::array<float, kBlock> numbers, bestNumbers{};
  for (float divisor : kDivisors) {
    uint16_t scale = toHalf(largest / divisor);
    float error = quantizeQ4(x, fromHalf(scale), best, numbers);
    if (!(error < best))
      continue;
    best = error, bestScale = scale, bestNumbers = numbers;
    if (error == 0)
      break;
  }
  storeHalf(stored, bestScale);
  for (int i = 0; i < kQ4Bytes; ++i)
    stored[kScaleBytes + i] = uint8_t(int(bestNumbers[i]) + 8) | uint8_t(int(bestNumbers[i + 16]) + 8) << 4;
}

void storeRow(const std::string &scheme, std::span<const float> row, uint8_t *stored) {
  if (scheme == "f32") {
    std::memcpy(stored, row.data(), row.size_bytes());
  } else if (scheme == "bf16") {
    for (size_t i = 0; i < row.size(); ++i)
      storeHalf(stored + 2 * i, toBfloat(row[i]));
  } else {
    bool q8 = scheme == "q8_0";
    for (size_t i = 0; i < row.size(); i += kBlock, stored += kScaleBytes + blockBytes(scheme))
      q8 ? storeQ8Block(&row[i], stored) : storeQ4Block(&row[i], stored);
  }
}

void loadRow(const std::string &scheme, const uint8_t *stored, std::span<float> row) {
  if (scheme == "f32") {
    std::memcpy(row.data(), stored, row.size_bytes());
    return;
  }
  if (scheme == "bf16") {
    for (size_t i = 0; i < row.size(); ++i)
      row[i] = fromBfloat(loadHalf(stored + 2 * i));
    return;
  }
  const bool q8 = scheme == "q8_0";
  const int64_t bytes = kScaleBytes + blockBytes(scheme);
  for (size_t start = 0; start < row.size(); start += kBlock, stored += bytes) {
    float scale = fromHalf(loadHalf(stored));
    const uint8_t *numbers = stored + kScaleBytes;
    for (int i = 0; i < kBlock; ++i)
      row[start + i] =
          scale * float(q8 ? int8_t(numbers[i]) : (numbers[i % 16] >> (i < 16 ? 0 : 4) & 15) - 8);
  }
}

/// A row of numbers, interleaved with the 15 others of its tile.
template <typename Number>
static void interleave(const uint8_t *stored, int64_t columns, int64_t row, uint8_t *plane) {
  uint8_t *to = plane + (row / kTileRows * columns * kTileRows + row % kTileRows) * sizeof(Number);
  for (int64_t c = 0; c < columns; ++c)
    std::memcpy(to + c * kTileRows * sizeof(Number), stored + c * sizeof(Number), sizeof(Number));
}

/// A row of blocks: numbers and scales part.
static void packBlocks(bool tiled, const uint8_t *stored, int64_t blocks, int64_t bytes, int64_t row,
                       uint8_t *numbers, uint8_t *scales) {
  int64_t tile = row / kTileRows, lane = row % kTileRows;
  for (int64_t b = 0; b < blocks; ++b, stored += kScaleBytes + bytes) {
    int64_t block = tiled ? tile * blocks + b : row * blocks + b;
    if (!tiled) {
      std::memcpy(numbers + block * bytes, stored + kScaleBytes, bytes);
      std::memcpy(scales + block * kScaleBytes, stored, kScaleBytes);
      continue;
    }
    // Four neighbouring bytes of a row stay together: one lane of a dot product.
    for (int64_t g = 0; g < bytes / 4; ++g)
      std::memcpy(numbers + ((block * (bytes / 4) + g) * kTileRows + lane) * 4, stored + kScaleBytes + 4 * g,
                  4);
    std::memcpy(scales + (block * kTileRows + lane) * kScaleBytes, stored, kScaleBytes);
  }
}

void packRows(const std::string &layout, const std::string &scheme, WeightShape shape, int64_t expert,
              int64_t firstRow, int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes) {
  std::vector<Plane> all = planesOf(layout, scheme, shape);
  assert(planes.size() == all.size() && "every plane has a start");
  std::array<uint8_t *, 2> start{};
  for (size_t i = 0; i < planes.size(); ++i)
    start[i] = planes[i] + (shape.experts ? expert * (all[i].bytes() / shape.experts) : 0);

  int64_t rowBytes = storedRowBytes(scheme, shape.columns);
  bool tiled = layout == "tiles16";
  for (int64_t row = firstRow; row < firstRow + count; ++row, stored += rowBytes) {
    if (isQuantized(scheme))
      packBlocks(tiled, stored, shape.columns / kBlock, blockBytes(scheme), row, start[0], start[1]);
    else if (tiled && scheme == "f32")
      interleave<float>(stored, shape.columns, row, start[0]);
    else if (tiled)
      interleave<uint16_t>(stored, shape.columns, row, start[0]);
    else
      std::memcpy(start[0] + row * rowBytes, stored, rowBytes);
  }
}

} // namespace gemmac
