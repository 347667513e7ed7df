//===- Scheme.cpp - how numbers are stored: one row per format ------------------------------------------===//

#include "contract/Scheme.h"
#include "contract/SmallFloats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace gemmac {
namespace {

constexpr int64_t kScaleBytes = 2;
constexpr int64_t kQ8Bytes = 32, kQ4Bytes = 16;

void storeHalf(uint8_t *to, uint16_t bits) {
  std::memcpy(to, &bits, 2);
}

uint16_t loadHalf(const uint8_t *from) {
  uint16_t bits;
  std::memcpy(&bits, from, 2);
  return bits;
}

// Packing a checkpoint spends its time here. AVX2's wider vectors change no bit, because this file is
// compiled without fused multiply-adds. Sanitizers are not initialized yet when the loader selects a
// clone.
#define WITH_AVX2
#if defined(__x86_64__) && defined(__clang__)
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#undef WITH_AVX2
#define WITH_AVX2 __attribute__((target_clones("avx2", "default")))
#endif
#endif

/// std::round of a number of at most 127, without a call.
int roundHalfAway(float x) {
  int whole = int(x);
  float rest = x - float(whole); // exact
  return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

WITH_AVX2 void storeQ8Block(const float *x, uint8_t *stored) {
  float largest = 0;
  for (int i = 0; i < kBlock; ++i)
    largest = std::max(largest, std::fabs(x[i]));
  float scale = largest / 127, inverse = scale != 0 ? 1 / scale : 0;
  storeHalf(stored, toHalf(scale));
  for (int i = 0; i < kBlock; ++i)
    stored[kScaleBytes + i] = uint8_t(roundHalfAway(x[i] * inverse));
}

/// The nearest grid number of each x, and the squared error; stops early above `limit`.
inline __attribute__((always_inline)) float quantizeQ4(const float *x, float scale, float limit,
                                                       std::array<float, kBlock> &numbers) {
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a call.
  constexpr float round = 12582912.0f;
  constexpr int step = 8; // numbers between two checks of the limit
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

WITH_AVX2 void storeQ4Block(const float *x, uint8_t *stored) {
  // The largest number divided by each of these is tried as the scale. -8 uses the whole range; its
  // neighbours trade the largest number's error for that of the others; the integers find the grid again if
  // the numbers are on one already.
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

void integersOfQ8(const uint8_t *stored, int8_t *integers, float *scale) {
  *scale = fromHalf(loadHalf(stored));
  std::memcpy(integers, stored + kScaleBytes, kQ8Bytes);
}

/// Byte i has number i in its low half, number i + 16 in the high one.
void integersOfQ4(const uint8_t *stored, int8_t *integers, float *scale) {
  *scale = fromHalf(loadHalf(stored));
  for (int i = 0; i < kQ4Bytes; ++i) {
    integers[i] = int8_t((stored[kScaleBytes + i] & 15) - 8);
    integers[i + kQ4Bytes] = int8_t((stored[kScaleBytes + i] >> 4) - 8);
  }
}

template <int64_t NumberBytes, void (*StoreBlock)(const float *, uint8_t *)>
void storeBlocks(const float *numbers, int64_t count, uint8_t *stored) {
  for (int64_t i = 0; i < count; i += kBlock, stored += kScaleBytes + NumberBytes)
    StoreBlock(numbers + i, stored);
}

template <int64_t NumberBytes, void (*Integers)(const uint8_t *, int8_t *, float *)>
void loadBlocks(const uint8_t *stored, int64_t count, float *numbers) {
  for (int64_t start = 0; start < count; start += kBlock, stored += kScaleBytes + NumberBytes) {
    std::array<int8_t, kBlock> integers;
    float scale;
    Integers(stored, integers.data(), &scale);
    for (int i = 0; i < kBlock; ++i)
      numbers[start + i] = scale * float(integers[i]);
  }
}

void storeFloats(const float *numbers, int64_t count, uint8_t *stored) {
  std::memcpy(stored, numbers, size_t(count) * sizeof(float));
}
void loadFloats(const uint8_t *stored, int64_t count, float *numbers) {
  std::memcpy(numbers, stored, size_t(count) * sizeof(float));
}

template <uint16_t (*ToBits)(float)>
void storeBits(const float *numbers, int64_t count, uint8_t *stored) {
  for (int64_t i = 0; i < count; ++i)
    storeHalf(stored + 2 * i, ToBits(numbers[i]));
}
template <float (*FromBits)(uint16_t)>
void loadBits(const uint8_t *stored, int64_t count, float *numbers) {
  for (int64_t i = 0; i < count; ++i)
    numbers[i] = FromBits(loadHalf(stored + 2 * i));
}

constexpr SchemeRow kRows[] = {
    {.scheme = Scheme::f32,
     .name = "f32",
     .element = Element::f32,
     .block = 1,
     .scaleBytes = 0,
     .numberBytes = 4,
     .bias = 0,
     .weights = true,
     .caches = true,
     .store = storeFloats,
     .load = loadFloats,
     .integers = nullptr},
    {.scheme = Scheme::bf16,
     .name = "bf16",
     .element = Element::bf16,
     .block = 1,
     .scaleBytes = 0,
     .numberBytes = 2,
     .bias = 0,
     .weights = true,
     .caches = false,
     .store = storeBits<toBfloat>,
     .load = loadBits<fromBfloat>,
     .integers = nullptr},
    {.scheme = Scheme::f16,
     .name = "f16",
     .element = Element::f16,
     .block = 1,
     .scaleBytes = 0,
     .numberBytes = 2,
     .bias = 0,
     .weights = false,
     .caches = true,
     .store = storeBits<toHalf>,
     .load = loadBits<fromHalf>,
     .integers = nullptr},
    {.scheme = Scheme::q8_0,
     .name = "q8_0",
     .element = Element::i8,
     .block = kBlock,
     .scaleBytes = kScaleBytes,
     .numberBytes = kQ8Bytes,
     .bias = 0,
     .weights = true,
     .caches = true,
     .store = storeBlocks<kQ8Bytes, storeQ8Block>,
     .load = loadBlocks<kQ8Bytes, integersOfQ8>,
     .integers = integersOfQ8},
    {.scheme = Scheme::q4_0,
     .name = "q4_0",
     .element = Element::u8,
     .block = kBlock,
     .scaleBytes = kScaleBytes,
     .numberBytes = kQ4Bytes,
     .bias = 8,
     .weights = true,
     .caches = false,
     .store = storeBlocks<kQ4Bytes, storeQ4Block>,
     .load = loadBlocks<kQ4Bytes, integersOfQ4>,
     .integers = integersOfQ4},
};

} // namespace

std::span<const SchemeRow> allSchemes() {
  return kRows;
}

const SchemeRow &rowOf(Scheme scheme) {
  const SchemeRow *row = std::ranges::find(kRows, scheme, &SchemeRow::scheme);
  assert(row != std::end(kRows) && "every scheme has a row");
  return *row;
}

std::optional<Scheme> findScheme(std::string_view name) {
  const SchemeRow *row = std::ranges::find(kRows, name, &SchemeRow::name);
  return row == std::end(kRows) ? std::nullopt : std::optional(row->scheme);
}

std::string namesOfSchemes(bool SchemeRow::*use) {
  std::string names;
  for (const SchemeRow &row : kRows)
    if (row.*use)
      names += (names.empty() ? "" : ", ") + std::string(row.name);
  return names;
}

int64_t storedRowBytes(Scheme scheme, int64_t columns) {
  const SchemeRow &row = rowOf(scheme);
  assert(columns % row.block == 0 && "rows are whole blocks");
  return columns / row.block * row.blockBytes();
}

void storeRow(Scheme scheme, std::span<const float> row, uint8_t *stored) {
  assert(int64_t(row.size()) % rowOf(scheme).block == 0 && "rows are whole blocks");
  rowOf(scheme).store(row.data(), int64_t(row.size()), stored);
}

void loadRow(Scheme scheme, const uint8_t *stored, std::span<float> row) {
  assert(int64_t(row.size()) % rowOf(scheme).block == 0 && "rows are whole blocks");
  rowOf(scheme).load(stored, int64_t(row.size()), row.data());
}

} // namespace gemmac
