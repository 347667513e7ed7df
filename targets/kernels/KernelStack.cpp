//===- KernelStack.cpp - what kernels take of a thread's stack ------------------------------------------===//

#include "targets/kernels/KernelStack.h"
#include "targets/kernels/CacheLayout.h"

namespace gemmac {

bool unpacksTiles(const KernelSpec &spec, const Target &target) {
  return spec.family == "linear" && spec.word("scheme") == "q4_0" && spec.integer("tokens") != 1 &&
         target.family == Family::x86 && !target.dotProduct8;
}

int64_t stackBytesOf(const KernelSpec &spec, const Target &target) {
  if (unpacksTiles(spec, target))
    return kTileRows * spec.integer("input");
  bool prompt = spec.family == "cached_attention";
  if (!prompt && spec.family != "attention_spans")
    return 0;
  int64_t group = spec.integer("heads") / spec.integer("kv_heads"), dim = spec.integer("dim");
  int64_t rows = prompt ? tokensTogether(group) * group : group;
  // SpanAttention: scores and weights of a span, with int8 values the products with their scales too; the
  // part of the result; lanes of the largest score and of the sum. cached_attention besides: the sum of parts
  // and the queries in the order in which they are read. Queries that took the keys' weight, where one token
  // attends to pairs.
  int64_t numbers = kSpan * (spec.word("scheme") == "q8_0" ? 3 : 2) + dim + kGroup + 2 * kGroup;
  if (prompt)
    numbers += dim + kGroup + dim;
  else if (spec.has("pairs"))
    numbers += dim;
  return rows * numbers * 4;
}

} // namespace gemmac
