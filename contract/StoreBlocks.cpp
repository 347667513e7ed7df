//===- StoreBlocks.cpp - numbers to blocks --------------------------------------------------------------===//

#include "contract/StoreBlocks.h"
#include "contract/Lattice.h"
#include "contract/SmallFloats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace gemmac {

constexpr int64_t kScaleBytes = 2, kQ4Bytes = 16;

static void storeHalf(uint8_t *to, uint16_t bits) {
  std::memcpy(to, &bits, 2);
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
static int roundHalfAway(float x) {
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
static inline __attribute__((always_inline)) float quantizeQ4(const float *x, float scale, float limit,
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
  if (best > 0)
    if (std::optional<Q4Lattice> trained = findQ4Lattice(std::span<const float, kBlock>(x, kBlock))) {
      bestScale = trained->scale;
      std::ranges::copy(trained->integers, bestNumbers.begin());
    }
  storeHalf(stored, bestScale);
  for (int i = 0; i < kQ4Bytes; ++i)
    stored[kScaleBytes + i] = uint8_t(int(bestNumbers[i]) + 8) | uint8_t(int(bestNumbers[i + 16]) + 8) << 4;
}

namespace {

/// Adding and subtracting this, 1.5 * 2^23, rounds to the nearest integer without a call.
constexpr float kRound = 12582912.0f;

/// The range of values, or the table of 16.
struct Grid {
  float least, most, unit = 1; ///< unit: the mean distance of two values
  const int8_t *values;
  explicit Grid(const SchemeRow &scheme)
      : least(float(-scheme.bias)), most(float((1 << scheme.numberBits()) - 1 - scheme.bias)),
        values(scheme.values) {
    if (values)
      least = values[0], most = values[15], unit = (most - least) / 15;
  }
};

/// Numbers of a group and the values that a step gives them.
struct Group {
  int size;
  const float *x;
  std::array<float, kBlock> values;
};

inline __attribute__((always_inline)) void roundToGrid(Group &group, const Grid &grid, float inverse,
                                                       float offset) {
  for (int i = 0; i < group.size; ++i) {
    float wanted = std::min(std::max((group.x[i] - offset) * inverse, grid.least), grid.most);
    group.values[i] = (wanted + kRound) - kRound;
  }
  if (!grid.values)
    return;
  for (int i = 0; i < group.size; ++i) {
    float wanted = group.x[i] * inverse, nearest = grid.values[0];
    for (int k = 1; k < 16; ++k)
      nearest = 2 * wanted > float(grid.values[k - 1] + grid.values[k]) ? float(grid.values[k]) : nearest;
    group.values[i] = nearest;
  }
}

float squaredError(const Group &group, GroupStep step) {
  float error = 0;
  for (int i = 0; i < group.size; ++i) {
    float difference = group.x[i] - (step.step * group.values[i] + step.offset);
    error += difference * difference;
  }
  return error;
}

/// The step with the smallest squared error for the values as they are.
float bestStep(const Group &group) {
  float products = 0, squares = 0;
  for (int i = 0; i < group.size; ++i) {
    products += group.x[i] * group.values[i];
    squares += group.values[i] * group.values[i];
  }
  return squares > 0 ? products / squares : 0;
}

/// Step and offset likewise. `positive`: may the offset be above 0?
GroupStep bestLine(const Group &group, bool positive) {
  float n = float(group.size), v = 0, vv = 0, x = 0, xv = 0;
  for (int i = 0; i < group.size; ++i) {
    v += group.values[i];
    vv += group.values[i] * group.values[i];
    x += group.x[i];
    xv += group.x[i] * group.values[i];
  }
  float determinant = n * vv - v * v;
  if (determinant <= 0)
    return {0, positive ? x / n : std::min(x / n, 0.0f)};
  GroupStep best = {(n * xv - v * x) / determinant, (vv * x - v * xv) / determinant};
  return best.offset > 0 && !positive ? GroupStep{bestStep(group), 0} : best;
}

/// How far from the end of the grid the largest number is put, in units.
constexpr float kSlack[] = {0, 0.25f, -0.25f, 0.5f, -0.5f, 0.75f, -0.75f, 1, -1, 1.5f, -1.5f, 2};

/// Numbers above and below 0: the largest may go to either end.
WITH_AVX2 float fitStep(Group &group, const Grid &grid) {
  float largest = 0;
  for (int i = 0; i < group.size; ++i)
    if (std::fabs(group.x[i]) > std::fabs(largest))
      largest = group.x[i];
  if (largest == 0)
    return 0;
  float best = 0, bestError = INFINITY;
  for (float end : {grid.least, grid.most})
    for (float slack : kSlack) {
      float divisor = end > 0 ? end - slack * grid.unit : end + slack * grid.unit;
      if (divisor == 0)
        continue;
      roundToGrid(group, grid, divisor / largest, 0);
      float step = bestStep(group), error = squaredError(group, {step, 0});
      if (error < bestError)
        best = step, bestError = error;
    }
  return best;
}

WITH_AVX2 GroupStep fitLine(Group &group, const Grid &grid, bool positive) {
  float least = *std::min_element(group.x, group.x + group.size);
  float most = *std::max_element(group.x, group.x + group.size);
  if (!positive)
    least = std::min(least, 0.0f);
  if (most <= least)
    return {0, least};
  GroupStep best = {(most - least) / grid.most, least};
  roundToGrid(group, grid, 1 / best.step, best.offset);
  float bestError = squaredError(group, best);
  for (float slack : kSlack) {
    roundToGrid(group, grid, (grid.most - slack) / (most - least), least);
    GroupStep line = bestLine(group, positive);
    if (line.step <= 0)
      continue;
    roundToGrid(group, grid, 1 / line.step, line.offset);
    float error = squaredError(group, line);
    if (error < bestError)
      best = line, bestError = error;
  }
  return best;
}

/// The block's scale for these steps or offsets, and their factors: those of `most` in size get `end`.
uint16_t scaleFor(std::span<const float> wanted, float end, float most, std::span<int8_t> factors) {
  float largest = 0;
  for (float number : wanted)
    if (std::fabs(number) > std::fabs(largest))
      largest = number;
  uint16_t bits = toHalf(largest / end);
  float scale = fromHalf(bits), inverse = scale != 0 ? 1 / scale : 0;
  for (size_t g = 0; g < wanted.size(); ++g) {
    float factor = std::min(std::max(wanted[g] * inverse, std::min(end, 0.0f)), most);
    factors[g] = int8_t((factor + kRound) - kRound);
  }
  return bits;
}

} // namespace

WITH_AVX2 void storeFittedBlock(const SchemeRow &scheme, const float *numbers, uint8_t *stored) {
  Grid grid(scheme);
  int64_t groups = scheme.block / scheme.group;
  std::array<float, kMostGroups> steps{}, offsets{};
  Group group{int(scheme.group), nullptr, {}};
  for (int64_t g = 0; g < groups; ++g) {
    group.x = numbers + g * scheme.group;
    GroupStep fitted = scheme.hasMinimum ? fitLine(group, grid, /*positive=*/!scheme.hasFactors())
                                         : GroupStep{fitStep(group, grid), 0};
    steps[g] = fitted.step, offsets[g] = fitted.offset;
  }
  BlockParts parts;
  if (scheme.hasFactors()) {
    // Factors of schemes with a minimum have no sign. All others have one more value below 0 than above.
    float most = float(scheme.mostFactor), end = scheme.hasMinimum ? most : -most - 1;
    std::span<int8_t> factors = std::span(parts.factors).first(size_t(groups));
    parts.scale = scaleFor(std::span(steps).first(size_t(groups)), end, most, factors);
    if (scheme.hasMinimum)
      parts.minimum = scaleFor(std::span(offsets).first(size_t(groups)), most, most,
                               std::span(parts.offsets).first(size_t(groups)));
  } else {
    parts.scale = toHalf(steps[0]);
    parts.minimum = toHalf(offsets[0]);
  }
  for (int64_t g = 0; g < groups; ++g) {
    GroupStep step = stepOf(scheme, parts, g);
    group.x = numbers + g * scheme.group;
    roundToGrid(group, grid, step.step != 0 ? 1 / step.step : 0, step.offset);
    for (int i = 0; i < group.size; ++i) {
      int value = int(group.values[i]);
      const int8_t *found = scheme.values ? std::find(scheme.values, scheme.values + 16, value) : nullptr;
      parts.numbers[size_t(g * scheme.group + i)] =
          uint8_t(scheme.values ? found - scheme.values : value + scheme.bias);
    }
  }
  scheme.join(parts, stored);
}

} // namespace gemmac
