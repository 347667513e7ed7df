//===- CacheLayout.h - how keys and values stand in a cache ---------------------------------------------===//
// Plain C++: the plan asks it for the types of a cache's arrays, kernels for the places of their numbers.

#ifndef GEMMAC_CONTRACT_CACHELAYOUT_H
#define GEMMAC_CONTRACT_CACHELAYOUT_H

#include "contract/WeightLayout.h"

#include <numeric>

namespace gemmac {

/// Positions of a span, the unit of attention's sums: it begins at a multiple of itself. A cache has whole
/// spans, so that none wraps around a ring: position p is in place p mod 256 of span p / 256 mod spans.
inline constexpr int64_t kSpan = 256;
/// Positions of a group: a vector register or some of them.
inline constexpr int64_t kGroup = 16;

/// Channels of a strip of values.
inline int64_t stripOf(int64_t dim) {
  return std::gcd(dim, kGroup);
}

/// Interleave factor: adjacent channels (keys) or positions (values) that one instruction sums.
inline int64_t neighboursOf(Scheme scheme, int64_t pairs) {
  return isQuantized(scheme) && !pairs ? 2 : 1;
}

/// Spans of a cache that holds `slots` positions.
inline int64_t spansOf(int64_t slots) {
  return (slots + kSpan - 1) / kSpan;
}

/// Planes of a cache, whose scheme is f32, f16 or q8_0.
///   keys    [spans, heads, 256 / 16, dim, 16]       16 positions beside each other: lanes of a product
///   values  [spans, heads, dim / strip, 256, strip]  a strip of channels, position after position
///   q8_0 besides: the scales of keys and those of values, f32[spans, heads, 256]; and two neighbours beside
///   each other, as instructions want them that sum two products of integers
///   keys    [spans, heads, 256 / 16, dim / 2, 16, 2]          two channels
///   values  [spans, heads, dim / strip, 256 / 2, strip, 2]    two positions
/// With `pairs`, keys have channels c < pairs, then dim / 2 + c; all others of a key are the value's times a
/// weight, so that values stand as keys do.
///   keys    [spans, heads, 256 / 16, 2 pairs, 16]
///   values  [spans, heads, 256 / 16, dim, 16]         q8_0 too
/// Attention multiplies what it does not see of such values by 0: places that no token was written to hold
/// finite numbers, as fresh pages do.
std::vector<Plane> cachePlanesOf(Scheme scheme, int64_t slots, int64_t heads, int64_t dim, int64_t pairs = 0);

} // namespace gemmac

#endif
