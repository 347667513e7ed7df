//===- KernelTraits.cpp - properties of kernels on a given machine ----------------------------------===//

#include "contract/KernelTraits.h"
#include "contract/CacheLayout.h"
#include "contract/KernelFamily.h"

#include <algorithm>
#include <cstdint>

namespace gemmac {

/// Is each weight multiplied with many rows of int8 numbers?
static bool multipliesManyInt8(const KernelSpec &spec) {
  bool oneToken = spec.has("tokens") && spec.integer("tokens") == 1;
  return familyOf(spec).manyRows && !oneToken && isQuantized(spec.scheme());
}

bool hasMatrixTiles(const KernelSpec &spec, const Target &target) {
  if (!target.matrixTiles8 || !multipliesManyInt8(spec))
    return false;
  int64_t tiles = (spec.integer(spec.has("rows") ? "rows" : "output") + kTileRows - 1) / kTileRows;
  int64_t matrices = spec.has("experts") ? spec.integer("experts") : 1;
  return matrices * tiles * kTileRows * spec.integer("input") <= INT32_MAX;
}

int64_t readBehindTiles(const KernelSpec &spec) {
  return spec.schedule.matrixTiles ? (kTileTokens - 1) * spec.integer("input") : 0;
}

int64_t bytesReadBehind(const KernelSpec &spec) {
  const KernelFamily &family = familyOf(spec);
  return family.readBehind ? family.readBehind(spec) : 0;
}

bool multipliesIntegers(const KernelSpec &spec, const Target &target) {
  return isQuantized(spec.scheme()) && target.pairProducts16;
}

int64_t stackBytesOf(const KernelSpec &spec, const Target &target) {
  const KernelFamily &family = familyOf(spec);
  return family.stackBytes ? family.stackBytes(spec, target) : 0;
}

int64_t stackOfTiles(const KernelSpec &spec, const Target &target) {
  if (!spec.schedule.unpack)
    return 0;
  // BlockProducts: one byte per number; without an instruction for signed numbers of 8 bits these have
  // magnitudes and signs, what a table gives before that too, and each row of a unit has a sum.
  int64_t numbers = kTileRows * spec.integer("input");
  const SchemeRow &scheme = rowOf(spec.scheme());
  bool magnitudes = (scheme.bits == 8 || scheme.values) && target.mixedSigns8 && !target.dotProduct8;
  if (spec.schedule.matrixTiles) // once for each group of a unit
    return scheme.groupsOf32() * numbers;
  if (!magnitudes)
    return numbers;
  return (scheme.values ? 3 : 2) * numbers + numbers / kBlock * 4;
}

/// Stack bytes of attention to one token, or to the tokens of a prompt.
static int64_t stackOfAttention(const KernelSpec &spec, const Target &target, bool prompt) {
  int64_t heads = spec.integer("heads"), group = heads / spec.integer("kv_heads"), dim = spec.integer("dim");
  int64_t rows = prompt ? spec.schedule.tokens * group : group;
  bool integers = multipliesIntegers(spec, target);
  int64_t query = integers ? 2 : 4;
  // SpanAttention, numbers per row: scores and weights of a span, and with int8 values the products with
  // their scales, which LLVM puts in the stack slot of the scores. For many rows in the longest vectors it
  // keeps two copies of the float32 ones; integers add the rounded ones. Then the part of the result, and the
  // lanes of the largest score and of the sum. cached_attention adds the sum of parts and the queries in the
  // order in which they are read.
  int64_t numbers =
      kSpan * (prompt && target.vectorBytes == 64 && !integers ? 4 : 2) + dim + kGroup + 2 * kGroup;
  if (integers)
    numbers += kSpan / 2;
  if (prompt)
    numbers += dim + kGroup;
  int64_t bytes = rows * numbers * 4;
  // Queries in the type in which they are multiplied; attention_spans keeps those of all heads.
  if (prompt)
    bytes += rows * dim * query;
  else if (spec.has("pairs") || integers)
    bytes += heads * dim * query;
  // Keys unpacked to int16.
  if (spec.has("pairs") && integers)
    bytes += 2 * kGroup * dim * spec.schedule.keyGroups;
  return bytes;
}

int64_t stackOfSpans(const KernelSpec &spec, const Target &target) {
  return stackOfAttention(spec, target, false);
}

int64_t stackOfCachedAttention(const KernelSpec &spec, const Target &target) {
  return stackOfAttention(spec, target, true);
}

} // namespace gemmac
