//===- KernelStack.cpp - what kernels take of a thread's stack ------------------------------------------===//

#include "targets/kernels/KernelStack.h"
#include "targets/kernels/CacheLayout.h"

namespace gemmac {

bool unpacksTiles(const KernelSpec &spec, const Target &target) {
  if (spec.family != "linear" || spec.integer("tokens") == 1)
    return false;
  const std::string &scheme = spec.word("scheme");
  return (scheme == "q4_0" || scheme == "q8_0") && target.family == Family::x86 && !target.dotProduct8;
}

int64_t stackBytesOf(const KernelSpec &spec, const Target &target) {
  if (unpacksTiles(spec, target)) {
    // TileProduct: a byte for every number; of int8 its sign too, and for each row of a block a sum.
    int64_t numbers = kTileRows * spec.integer("input");
    return spec.word("scheme") == "q4_0" ? numbers : 2 * numbers + numbers / kBlock * 4;
  }
  bool prompt = spec.family == "cached_attention";
  if (!prompt && spec.family != "attention_spans")
    return 0;
  int64_t group = spec.integer("heads") / spec.integer("kv_heads"), dim = spec.integer("dim");
  int64_t rows = prompt ? tokensTogether(group) * group : group;
  // SpanAttention: scores and weights of a span, and with int8 values the products with their scales, which
  // LLVM lays over the scores; of many rows in the longest vectors a third array in any case; the part of the
  // result; lanes of the largest score and of the sum. cached_attention besides: the sum of parts
  // and the queries in the order in which they are read. Queries that took the keys' weight, where one token
  // attends to pairs.
  int64_t numbers = kSpan * (prompt && target.vectorBytes == 64 ? 3 : 2) + dim + kGroup + 2 * kGroup;
  if (prompt)
    numbers += dim + kGroup + dim;
  else if (spec.has("pairs"))
    numbers += dim;
  return rows * numbers * 4;
}

} // namespace gemmac
