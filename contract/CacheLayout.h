//===- CacheLayout.h - how keys and values are laid out in a cache --------------------------------------===//
// Plain C++: gives the plan the types of a cache's arrays, and kernels the index of each number in them.

#ifndef GEMMAC_CONTRACT_CACHELAYOUT_H
#define GEMMAC_CONTRACT_CACHELAYOUT_H

#include "contract/WeightLayout.h"

#include <numeric>

namespace gemmac {

/// Positions per span, the unit in which attention sums; spans start at multiples of kSpan. Caches hold whole
/// spans, so that none wraps around the ring: position p is slot p mod 256 of span (p / 256) mod spans.
inline constexpr int64_t kSpan = 256;
/// Positions per group; a group fills one or more vector registers.
inline constexpr int64_t kGroup = 16;

/// Channels per strip of values.
inline int64_t stripOf(int64_t dim) {
  return std::gcd(dim, kGroup);
}

/// Interleave factor: adjacent channels (keys) or positions (values) that one instruction sums.
inline int64_t neighboursOf(Scheme scheme, int64_t pairs) {
  return isQuantized(scheme) && !pairs ? 2 : 1;
}

/// Number of spans in a cache that holds `slots` positions.
inline int64_t spansOf(int64_t slots) {
  return (slots + kSpan - 1) / kSpan;
}

/// Planes of a cache, whose scheme is f32, f16 or q8_0.
///   keys    [spans, heads, 256 / 16, dim, 16]       16 adjacent positions: the lanes of a product
///   values  [spans, heads, dim / strip, 256, strip]  a strip of channels, one position after the other
/// q8_0 adds the scales of keys and those of values, f32[spans, heads, 256] each, and interleaves two
/// numbers, because its integer instructions sum two products:
///   keys    [spans, heads, 256 / 16, dim / 2, 16, 2]          two adjacent channels
///   values  [spans, heads, dim / strip, 256 / 2, strip, 2]    two adjacent positions
/// With `pairs`, keys store only the channels c and dim / 2 + c for c < pairs; every other channel of a key
/// is that of the value times a weight. Values are then laid out like keys.
///   keys    [spans, heads, 256 / 16, 2 pairs, 16]
///   values  [spans, heads, 256 / 16, dim, 16]         also with q8_0
/// Attention multiplies invisible positions of such values by 0, so slots that were never written must hold
/// finite numbers, as newly mapped (zeroed) pages do.
std::vector<Plane> cachePlanesOf(Scheme scheme, int64_t slots, int64_t heads, int64_t dim, int64_t pairs = 0);

} // namespace gemmac

#endif
