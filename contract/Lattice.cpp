//===- Lattice.cpp - numbers that were trained for 4 bits -----------------------------------------------===//

#include "contract/Lattice.h"
#include "contract/SmallFloats.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gemmac {
namespace {

constexpr uint16_t kInfiniteHalf = 0x7c00;

struct Interval {
  float low, high;
  bool empty() const { return low > high; }
};

/// The scales for which scale · integer rounds to a bfloat16, give or take their last bits: the middles
/// between it and its neighbours, divided by the integer. Both are positive.
Interval scalesFor(float number, int integer) {
  constexpr float slack = 1e-6f;
  uint32_t bits = std::bit_cast<uint32_t>(number);
  return {std::bit_cast<float>(bits - 0x8000) / float(integer) * (1 - slack),
          std::bit_cast<float>(bits + 0x8000) / float(integer) * (1 + slack)};
}

bool isLattice(std::span<const float, 32> numbers, const Q4Lattice &lattice) {
  float scale = fromHalf(lattice.scale);
  for (size_t i = 0; i < numbers.size(); ++i)
    if (fromBfloat(toBfloat(scale * float(lattice.integers[i]))) != numbers[i]) // the product is exact
      return false;
  return true;
}

/// With the integers of the lattice and a range of scales: the float16 nearest to its middle that fits.
std::optional<Q4Lattice> withScale(std::span<const float, 32> numbers, Q4Lattice lattice, Interval scales,
                                   bool negative) {
  float middle = scales.low + (scales.high - scales.low) / 2, nearest = INFINITY;
  std::optional<Q4Lattice> best;
  // A bfloat16 has 3 bits less than a float16, so that these are a dozen at most.
  for (uint16_t bits = toHalf(scales.low); bits < kInfiniteHalf && fromHalf(bits) <= scales.high; ++bits) {
    lattice.scale = negative ? bits | 0x8000 : bits;
    float distance = std::fabs(fromHalf(bits) - middle);
    if (distance < nearest && isLattice(numbers, lattice)) {
      best = lattice;
      nearest = distance;
    }
  }
  return best;
}

/// A lattice on which the number that is farthest from 0 is this integer.
std::optional<Q4Lattice> find(std::span<const float, 32> numbers, float farthest, int integer) {
  Interval scales = scalesFor(std::fabs(farthest), std::abs(integer));
  bool negative = (farthest < 0) != (integer < 0);
  float inverse = float(integer) / farthest;
  Q4Lattice lattice{};
  for (size_t i = 0; i < numbers.size(); ++i) {
    float wanted = numbers[i] * inverse;
    int nearest = int(wanted + (wanted < 0 ? -0.5f : 0.5f));
    if (nearest < -8 || nearest > 7 || (nearest == 0 && numbers[i] != 0))
      return std::nullopt;
    lattice.integers[i] = int8_t(nearest);
    if (nearest == 0)
      continue;
    Interval own = scalesFor(std::fabs(numbers[i]), std::abs(nearest));
    scales = {std::max(scales.low, own.low), std::min(scales.high, own.high)};
    if (scales.empty())
      return std::nullopt;
  }
  return withScale(numbers, lattice, scales, negative);
}

} // namespace

std::optional<Q4Lattice> findQ4Lattice(std::span<const float, 32> numbers) {
  float farthest = 0;
  for (float number : numbers) {
    if ((std::bit_cast<uint32_t>(number) & 0xffff) != 0 || !std::isfinite(number))
      return std::nullopt;
    if (std::fabs(number) > std::fabs(farthest))
      farthest = number;
  }
  if (farthest == 0)
    return Q4Lattice{};
  for (int integer : {-8, 7, 6, 5, 4, 3, 2, 1})
    if (std::optional<Q4Lattice> found = find(numbers, farthest, integer))
      return found;
  return std::nullopt;
}

} // namespace gemmac
