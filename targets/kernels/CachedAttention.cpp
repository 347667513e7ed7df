//===- CachedAttention.cpp - attention of many tokens to the positions in a cache -----------------------===//
//
// y[t, h, c] = sum over visible j of p[j] v[j, c],  p = softmax over visible j of scale * sum over c of q[t,
// h, c] k[j, c]
//
// Visible to token t are the positions max(0, positions[t] - window + 1) ... visible[t] (from 0 without a
// window); position j is in slot j mod slots, its kv head is h / (heads / kv_heads).
//
// A tile, some tokens by the heads of a group, goes through all spans that any of them sees
// (SpanAttention.cpp).

#include "targets/kernels/Kernels.h"
#include "targets/kernels/SpanAttention.h"

#include <optional>

namespace gemmac {

using namespace Halide;

namespace {

/// The region of the result that a call computes, in tiles of some tokens. The rows m of tile n are ordered
/// by token, then by the head within group h.
class TokenTiles {
public:
  TokenTiles(const KernelSpec &spec, const Target &target);
  KernelCode build();

private:
  Expr firstToken() const { return tokens.begin + n * tileTokens; }
  Expr endToken() const { return min(firstToken() + tileTokens, tokens.end); }
  Expr tokenOf(const Expr &m) const { return min(firstToken() + m / heads, tokens.end - 1); }
  /// Positions firstSeen … endSeen - 1 are seen by some token of the tile.
  Expr firstSeen() const { return places.firstSeen(firstToken(), shape.window); }
  Expr endSeen() const { return places.endSeen(endToken() - 1); }

  /// Row m's factor for stored channel c (CacheArrays::folded).
  Expr query(const Expr &c) const { return cache.folded(q(c, h * heads + m % heads, tokenOf(m)), c); }

  SpanQueries queries();
  void joinSpans(const SpanAttention &attention);
  void storeRows();
  void schedule(SpanAttention &attention);

  const Target &target;
  AttentionShape shape;
  CacheArrays cache;
  int heads, together, keyGroups, tileTokens, rows, lanes;
  int neighbours; ///< interleave factor of integer channels
  ImageParam q;
  TokenPlaces places;
  Var c{"c"}, m{"m"}, s{"s"}, h{"h"}, n{"n"}, t{"t"}, r{"r"}, mo{"mo"}, j{"j"};
  Func out{"out"}, state{"state"}, folded{"folded"}, packed{"packed"};
  std::optional<RoundedQueries> rounded;
  Part tokens, someHeads, numbers;
  RDom a, o; ///< domains of `state`'s sums and of the stored results
};

TokenTiles::TokenTiles(const KernelSpec &spec, const Target &target)
    : target(target), shape(spec), cache(spec, target), heads(shape.group()),
      together(int(spec.schedule.rows)), keyGroups(int(spec.schedule.keyGroups)),
      tileTokens(int(spec.schedule.tokens)), rows(tileTokens * heads), lanes(lanesOf(target)),
      neighbours(cache.integers ? 2 : 1), q(tokensArray("q", Float(32), shape.dim, shape.heads)) {
  out(c, h, t) = undef<float>();
  tokens = partOf(out, 2);
  someHeads = partOf(out, 1);
  numbers = partOf(out, 0);
  rounded.emplace(std::vector<Var>{m, h, n}, cache, shape.dim, [this](const Expr &c) { return query(c); });
}

SpanQueries TokenTiles::queries() {
  folded(c, m, h, n) = cache.integers ? (*rounded)(c) : query(c);
  packed(j, r, c, mo, h, n) = folded(c * neighbours + j, mo * together + r, h, n);
  auto inSpan = [&](const Expr &at) { return clamp(at - s * int(kSpan), 0, int(kSpan)); };
  SpanQueries queries;
  queries.place = {s, h, n};
  queries.span = s;
  queries.kvHead = h;
  queries.begin = inSpan(firstSeen());
  queries.end = inSpan(endSeen());
  queries.rows = rows;
  queries.together = together;
  queries.keyGroups = keyGroups;
  queries.query = [this](const Expr &m, const Expr &c) {
    return packed(c % neighbours, m % together, c / neighbours, m / together, h, n);
  };
  queries.queryScale = [this](const Expr &m) { return rounded->scale(m, h, n); };
  queries.first = [this](const Expr &m) {
    return places.positions(tokenOf(m)) - (shape.window - 1) - s * int(kSpan);
  };
  queries.last = [this](const Expr &m) { return places.visible(tokenOf(m)) - s * int(kSpan); };
  return queries;
}

/// Loops over all spans that any token of the call sees; each tile skips spans that it does not see.
void TokenTiles::joinSpans(const SpanAttention &attention) {
  Expr lastToken = max(tokens.end - 1, tokens.begin);
  Expr firstSpan = places.firstSeen(tokens.begin, shape.window) / int(kSpan),
       lastSpan = (places.endSeen(lastToken) - 1) / int(kSpan);
  a = RDom(0, SpanAttention::channels(shape), 0, 1, firstSpan, lastSpan - firstSpan + 1, "a");
  a.where(a.z * int(kSpan) < endSeen() && (a.z + 1) * int(kSpan) > firstSeen());
  state(c, m, h, n) = noParts(c, shape.dim);
  state(a.x, m, h, n) =
      withPart([&](const Expr &c) { return state(c, m, h, n); },
               [&](const Expr &c) { return attention.part(c, m, a.z, h, n); }, a.x, shape.dim);
}

void TokenTiles::storeRows() {
  Expr firstHead = someHeads.begin / heads, headCount = (someHeads.end + heads - 1) / heads - firstHead;
  o = RDom(0, shape.dim, 0, rows, firstHead, headCount, 0,
           (tokens.end - tokens.begin + tileTokens - 1) / tileTokens, "o");
  Expr outHead = o.z * heads + o.y % heads, outToken = tokens.begin + o.w * tileTokens + o.y / heads;
  o.where(o.x >= numbers.begin && o.x < numbers.end && outHead >= someHeads.begin &&
          outHead < someHeads.end && outToken < tokens.end);
  out(o.x, outHead, outToken) = strict_float(state(o.x, o.y, o.z, o.w) / state(shape.dim, o.y, o.z, o.w));
}

void TokenTiles::schedule(SpanAttention &attention) {
  RVar outer("outer"), inner("inner"), ao("ao"), ai("ai");
  out.update()
      .never_partition_all()
      .allow_race_conditions()
      .split(o.x, outer, inner, std::gcd(lanes, shape.dim))
      .vectorize(inner);
  state.compute_at(out, o.z)
      .store_in(kLargeStack)
      .bound(c, 0, SpanAttention::channels(shape))
      .bound(m, 0, rows)
      .vectorize(c, lanes);
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
      .bound(mo, 0, rows / together)
      .reorder(j, c, r, mo);
  if (cache.integers)
    rounded->computeAt({out, o.z});
}

KernelCode TokenTiles::build() {
  SpanAttention attention(queries(), shape, cache, target);
  joinSpans(attention);
  storeRows();
  schedule(attention);
  return {cache.arguments(q, places), out, true, false, places.scalars()};
}

} // namespace

KernelCode buildCachedAttention(const KernelSpec &spec, const Target &target) {
  return TokenTiles(spec, target).build();
}

} // namespace gemmac
