//===- CachedAttention.cpp - attention of many tokens over what a cache holds ---------------------------===//
//
// y[t, h, c] = sum over visible j of p[j] v[j, c],  p = softmax over visible j of scale * sum over c of q[t,
// h, c] k[j, c]
//
// Visible to token t are the positions max(0, positions[t] - window + 1) ... visible[t] (from 0 without a
// window); position j is in slot j mod slots, its kv head is h / (heads / kv_heads).
//
// Some tokens and the heads of a group go over the spans that one of them sees together (SpanAttention.cpp).

#include "targets/kernels/Kernels.h"
#include "targets/kernels/SpanAttention.h"

namespace gemmac {

using namespace Halide;

KernelCode buildCachedAttention(const KernelSpec &spec, const Target &target) {
  AttentionShape shape(spec);
  CacheArrays cache(spec, target);
  int heads = shape.group(), together = int(spec.schedule.rows), tileTokens = int(spec.schedule.tokens);
  ImageParam q = tokensArray("q", Float(32), shape.dim, shape.heads);
  Var c("c"), m("m"), s("s"), h("h"), n("n"), t("t");
  Func out("out"), state("state");
  out(c, h, t) = undef<float>();
  Part tokens = partOf(out, 2), someHeads = partOf(out, 1), numbers = partOf(out, 0);

  TokenPlaces places;

  // Tile n of the call's part, its rows m: token after token, the heads of the group within each.
  Expr firstToken = tokens.begin + n * tileTokens;
  Expr endToken = min(firstToken + tileTokens, tokens.end);
  auto tokenOf = [&](const Expr &m) { return min(firstToken + m / heads, tokens.end - 1); };
  Expr firstSeen = places.firstSeen(firstToken, shape.window), endSeen = places.endSeen(endToken - 1);
  auto inSpan = [&](const Expr &at) { return clamp(at - s * int(kSpan), 0, int(kSpan)); };
  SpanQueries queries;
  queries.place = {s, h, n};
  queries.span = s;
  queries.kvHead = h;
  queries.begin = inSpan(firstSeen);
  queries.end = inSpan(endSeen);
  queries.rows = tileTokens * heads;
  queries.together = together;
  queries.keyGroups = int(spec.schedule.keyGroups);
  auto number = [&](const Expr &c) { return cache.folded(q(c, h * heads + m % heads, tokenOf(m)), c); };
  RoundedQueries rounded({m, h, n}, cache, shape.dim, number);
  Func folded("folded"), packed("packed");
  Var r("r"), mo("mo"), j("j");
  folded(c, m, h, n) = cache.integers ? rounded(c) : number(c);
  // Integers of two neighbours beside each other.
  int neighbours = cache.integers ? 2 : 1;
  packed(j, r, c, mo, h, n) = folded(c * neighbours + j, mo * together + r, h, n);
  queries.query = [&](const Expr &m, const Expr &c) {
    return packed(c % neighbours, m % together, c / neighbours, m / together, h, n);
  };
  queries.queryScale = [&](const Expr &m) { return rounded.scale(m, h, n); };
  queries.first = [&](const Expr &m) {
    return places.positions(tokenOf(m)) - (shape.window - 1) - s * int(kSpan);
  };
  queries.last = [&](const Expr &m) { return places.visible(tokenOf(m)) - s * int(kSpan); };
  SpanAttention attention(queries, shape, cache, target);

  // Over all spans that a token of the call sees; each tile takes its own.
  Expr lastToken = max(tokens.end - 1, tokens.begin);
  Expr firstSpan = places.firstSeen(tokens.begin, shape.window) / int(kSpan),
       lastSpan = (places.endSeen(lastToken) - 1) / int(kSpan);
  RDom a(0, SpanAttention::channels(shape), 0, 1, firstSpan, lastSpan - firstSpan + 1, "a");
  a.where(a.z * int(kSpan) < endSeen && (a.z + 1) * int(kSpan) > firstSeen);
  state(c, m, h, n) = noParts(c, shape.dim);
  state(a.x, m, h, n) =
      withPart([&](const Expr &c) { return state(c, m, h, n); },
               [&](const Expr &c) { return attention.part(c, m, a.z, h, n); }, a.x, shape.dim);

  Expr firstHead = someHeads.begin / heads, headCount = (someHeads.end + heads - 1) / heads - firstHead;
  RDom o(0, shape.dim, 0, queries.rows, firstHead, headCount, 0,
         (tokens.end - tokens.begin + tileTokens - 1) / tileTokens, "o");
  Expr outHead = o.z * heads + o.y % heads, outToken = tokens.begin + o.w * tileTokens + o.y / heads;
  o.where(o.x >= numbers.begin && o.x < numbers.end && outHead >= someHeads.begin &&
          outHead < someHeads.end && outToken < tokens.end);
  out(o.x, outHead, outToken) = strict_float(state(o.x, o.y, o.z, o.w) / state(shape.dim, o.y, o.z, o.w));

  int lanes = lanesOf(target);
  RVar outer("outer"), inner("inner");
  out.update()
      .never_partition_all()
      .allow_race_conditions()
      .split(o.x, outer, inner, std::gcd(lanes, shape.dim))
      .vectorize(inner);
  state.compute_at(out, o.z)
      .store_in(kLargeStack)
      .bound(c, 0, SpanAttention::channels(shape))
      .bound(m, 0, queries.rows)
      .vectorize(c, lanes);
  RVar ao("ao"), ai("ai");
  state.update()
      .allow_race_conditions()
      .split(a.x, ao, ai, lanes)
      .reorder(ai, ao, m, a.y, a.z, h, n)
      .vectorize(ai);
  attention.computeAt({state, a.y});
  packed.compute_at(out, o.z)
      .store_in(kLargeStack)
      .bound(j, 0, neighbours)
      .bound(r, 0, together)
      .bound(c, 0, shape.dim / neighbours)
      .bound(mo, 0, queries.rows / together)
      .reorder(j, c, r, mo);
  if (cache.integers)
    rounded.computeAt({out, o.z});

  return {cache.arguments(q, places), out, true, false, places.scalars()};
}

} // namespace gemmac
