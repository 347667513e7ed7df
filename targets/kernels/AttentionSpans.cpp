//===- AttentionSpans.cpp - attention of one token, span by span ----------------------------------------===//
//
// attention_spans computes what each span of positions adds to the result of cached_attention, for each kv
// head: that gives many threads work, though a token has few heads. merge_spans merges them in the order of
// the spans. The numbers are those of cached_attention, bit for bit.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/SpanAttention.h"

namespace gemmac {

using namespace Halide;

KernelCode buildAttentionSpans(const KernelSpec &spec, const Target &target) {
  AttentionShape shape(spec);
  CacheArrays cache(spec, target);
  int heads = shape.group();
  ImageParam q = tokensArray("q", Float(32), shape.dim, shape.heads);
  Expr token = q.dim(2).min();
  TokenPlaces places;

  // Pieces: first the kv heads of the first span that the token sees, then those of the next span. No row
  // sees a span beyond the token.
  Var c("c"), m("m"), piece("piece");
  Expr firstSeen = places.firstSeen(token, shape.window);
  SpanQueries queries;
  queries.place = {piece};
  queries.span = firstSeen / int(kSpan) + piece / shape.kvHeads;
  queries.kvHead = piece % shape.kvHeads;
  auto inSpan = [&](const Expr &at) { return clamp(at - queries.span * int(kSpan), 0, int(kSpan)); };
  queries.begin = inSpan(firstSeen);
  queries.end = inSpan(places.endSeen(token));
  queries.rows = heads;
  queries.together = int(spec.schedule.rows);
  queries.keyGroups = int(spec.schedule.keyGroups);
  queries.fromMemory = true;
  // Queries are the same for all spans of a head, so a call computes them once.
  Var h("h");
  auto number = [&](const Expr &c) { return cache.folded(q(c, h, token), c); };
  RoundedQueries rounded({h}, cache, shape.dim, number);
  Func folded("folded");
  folded(c, h) = cache.integers ? rounded(c) : number(c);
  queries.query = [&](const Expr &m, const Expr &c) { return folded(c, queries.kvHead * heads + m); };
  queries.queryScale = [&](const Expr &m) { return rounded.scale(queries.kvHead * heads + m); };
  queries.first = [&](const Expr &) {
    return places.positions(token) - (shape.window - 1) - queries.span * int(kSpan);
  };
  queries.last = [&](const Expr &) { return places.visible(token) - queries.span * int(kSpan); };
  SpanAttention attention(queries, shape, cache, target);

  Func out("out");
  out(c, m, piece) = attention.part(c, m, piece);
  out.never_partition_all().vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  attention.computeAt({out, piece});
  if (cache.pairs || cache.integers)
    folded.compute_root().store_in(kLargeStack).bound(c, 0, shape.dim).bound(h, 0, shape.heads);
  if (cache.integers)
    rounded.computeAt(LoopLevel::root());
  return {cache.arguments(q, places), out, true, false, places.scalars()};
}

KernelCode buildMergeSpans(const KernelSpec &spec, const Target &target) {
  int heads = int(spec.integer("heads")), kvHeads = int(spec.integer("kv_heads")),
      dim = int(spec.integer("dim")), group = heads / kvHeads, channels = dim + int(kGroup);
  ImageParam parts = tokensArray("parts", Float(32), channels, group);
  Var c("c"), h("h"), t("t");
  Func out("out"), state("state");
  RDom r(0, channels, 0, parts.dim(2).extent() / kvHeads, "r");
  state(c, h) = noParts(c, dim);
  state(r.x, h) =
      withPart([&](const Expr &c) { return state(c, h); },
               [&](const Expr &c) { return parts(c, h % group, r.y * kvHeads + h / group); }, r.x, dim);
  out(c, h, t) = strict_float(state(c, h) / state(dim, h));

  int lanes = lanesOf(target);
  RVar outer("outer"), inner("inner");
  out.vectorize(c, lanes, TailStrategy::GuardWithIf);
  state.compute_at(out, h).store_in(kLargeStack).bound(c, 0, channels).vectorize(c, lanes);
  state.update()
      .allow_race_conditions()
      .split(r.x, outer, inner, lanes)
      .reorder(inner, outer, r.y)
      .vectorize(inner);
  return {{parts}, out, true};
}

} // namespace gemmac
