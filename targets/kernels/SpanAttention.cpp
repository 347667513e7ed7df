//===- SpanAttention.cpp - attention of some queries to a span of positions -----------------------------===//
//
// part[c, m] = sum over visible j of w[m, j] v[j, c],  w[m, j] = e^score[m, j] / 2^power[m]
// part[dim, m] = sum over visible j of w[m, j],  part[dim + 1, m] = power[m]
// score[m, j] = scale * sum over c of q[m, c] k[j, c],  power[m] = ceil(log2 e * the largest visible score)
//
// Spans start at absolute positions, and a row's result does not depend on other rows: a position that it
// does not see has weight 0, which changes no sum, whether or not the loops visit it. So the numbers do not
// depend on how the prompt was split. Parts are added in the order of their spans: when the power rises, the
// sums so far are scaled down by a power of two, exactly.

#include "contract/KernelTraits.h"
#include "targets/kernels/SpanProducts.h"

namespace gemmac {

using namespace Halide;

static constexpr float kLowest = -1e30f; // below every score, and finite, so that differences are not NaN
static constexpr float kLowestPower = -100000;

/// 2^power for power <= 0. Below -126 it is 2^-126 instead of 0: its products round to 0 when they are added
/// to the rest.
static Expr powerOfTwo(const Expr &power) {
  return reinterpret<float>((max(cast<int32_t>(power), -126) + 127) << 23);
}

/// e^score / 2^power; power * ln 2 is subtracted in two parts, the first of which is exact.
static Expr weightOf(const Expr &score, const Expr &power) {
  return exponential(strict_float((score - power * 0.693359375f) - power * -2.12194440e-4f));
}

CacheArrays::CacheArrays(const KernelSpec &spec, const Target &target)
    : pairs(spec.has("pairs") ? int(spec.integer("pairs")) : 0), integers(multipliesIntegers(spec, target)),
      beside(int(neighboursOf(spec.scheme(), pairs))), dim(int(spec.integer("dim"))), target(target) {
  int64_t heads = spec.integer(spec.has("kv_heads") ? "kv_heads" : "heads");
  static const char *const names[] = {"keys", "values", "key_scales", "value_scales"};
  for (const Plane &plane : cachePlanesOf(spec.scheme(), spec.integer("slots"), heads, dim, pairs))
    planes.push_back(denseArray(names[planes.size()], typeOf(plane.element), plane.shape));
  if (pairs)
    keyWeight = denseArray("key_weight", Float(32), {dim});
}

Expr CacheArrays::key(Expr c, Expr lane, Expr group, Expr head, Expr span) const {
  return number(planes[0](lane * beside + c % beside, c / beside, group, head, span));
}

Expr CacheArrays::value(Expr lane, Expr strip, Expr at, Expr head, Expr span) const {
  return number(planes[1](lane * beside + at % beside, at / beside, strip, head, span));
}

Expr CacheArrays::groupedValue(Expr c, Expr lane, Expr group, Expr head, Expr span) const {
  return number(planes[1](lane, c, group, head, span));
}

Expr CacheArrays::folded(Expr query, Expr c) const {
  return pairs ? query * select(c % (dim / 2) < pairs, 1.0f, keyWeight(c)) : query;
}

Expr CacheArrays::channelOf(Expr i) const {
  if (!pairs)
    return i;
  return clamp(select(i < pairs || i >= dim / 2 + pairs, i, i < 2 * pairs, i - pairs + dim / 2, i - pairs), 0,
               dim - 1);
}

std::vector<Argument> CacheArrays::arguments(const ImageParam &q, const TokenPlaces &places) const {
  std::vector<Argument> all = {q, places.positions, places.visible};
  all.insert(all.end(), planes.begin(), planes.end());
  if (pairs)
    all.push_back(keyWeight);
  return all;
}

Expr CacheArrays::number(Expr stored) const {
  if (integers)
    return cast<int16_t>(stored);
  return stored.type() == UInt(16) ? fromStoredHalf(stored, target) : cast<float>(stored);
}

Expr CacheArrays::keyScale(Expr at, Expr head, Expr span) const {
  return planes.size() > 2 ? Expr(planes[2](at, head, span)) : Expr();
}

Expr CacheArrays::valueScale(Expr at, Expr head, Expr span) const {
  return planes.size() > 2 ? Expr(planes[3](at, head, span)) : Expr();
}

AttentionShape::AttentionShape(const KernelSpec &spec)
    : heads(int(spec.integer("heads"))), kvHeads(int(spec.integer("kv_heads"))),
      dim(int(spec.integer("dim"))), spans(int(spansOf(spec.integer("slots")))),
      window(int(spec.integer("window"))), scale(float(spec.number("scale"))) {}

Span::Span(const SpanQueries &queries, const AttentionShape &shape, const CacheArrays &cache,
           const Target &target)
    : queries(queries), shape(shape), cache(cache), slots(queries.span % shape.spans),
      vector(std::min(lanesOf(target), kLanes)), strip(int(stripOf(shape.dim))), strips(shape.dim / strip) {
  groupsTogether = queries.keyGroups;
  stripsTogether = std::gcd(groupsTogether, strips);
}

std::vector<Expr> Span::at(std::vector<Expr> indices) const {
  indices.insert(indices.end(), queries.place.begin(), queries.place.end());
  return indices;
}

std::vector<Var> Span::vars(std::vector<Var> indices) const {
  indices.insert(indices.end(), queries.place.begin(), queries.place.end());
  return indices;
}

Expr Span::sees(const Expr &place, const Expr &m) const {
  Expr last = queries.last(m);
  return shape.window ? place <= last && place >= queries.first(m) : place <= last;
}

SpanAttention::SpanAttention(const SpanQueries &queries, const AttentionShape &shape,
                             const CacheArrays &cache, const Target &target)
    : part("part") {
  Span span(queries, shape, cache, target);
  std::unique_ptr<SpanProducts> products = cache.integers ? integerProducts(span) : floatProducts(span);
  Var x("x"), k("k"), m("m"), c("c");

  Func score("score"), most("most"), power("power"), weight("weight"), sums("sums"), sum("sum");
  RDom g(0, span.groupsTogether, 0, kGroups / span.groupsTogether, "g"), all(0, kGroups, "all");
  Expr group = g.y * span.groupsTogether + g.x, positions = span.groupsTogether * kLanes;
  g.where(g.y * positions < queries.end && (g.y + 1) * positions > queries.begin);
  score(span.vars({x, k, m})) = kLowest;
  score(span.at({x, group, m})) = products->score(x, group, m);
  auto seen = [&](const Expr &group) {
    return select(span.sees(group * kLanes + x, m), score(span.at({x, group, m})), kLowest);
  };
  most(span.vars({x, m})) = kLowest;
  most(span.vars({x, m})) = max(most(span.at({x, m})), seen(all));
  Expr largest = most(span.at({0, m}));
  for (int lane = 1; lane < kLanes; ++lane)
    largest = max(largest, most(span.at({lane, m})));
  power(span.vars({m})) = max(ceil(largest * 1.44269504f), kLowestPower);
  weight(span.vars({x, k, m})) =
      select(span.sees(k * kLanes + x, m), weightOf(seen(k), power(span.at({m}))), 0.0f);
  sums(span.vars({x, m})) = 0.0f;
  sums(span.vars({x, m})) += weight(span.at({x, all, m}));
  sum(span.vars({m})) = sumOfLanes([&](int lane) { return sums(span.at({lane, m})); }, kLanes);

  RDom ch(0, span.strip, 0, span.strips, "ch");
  part(span.vars({c, m})) =
      select(c == shape.dim, sum(span.at({m})), c == shape.dim + 1, power(span.at({m})), 0.0f);
  part(span.at({ch.y * span.strip + ch.x, m})) = products->mixed(weight, ch.x, ch.y, m);

  // Loop order: keys by group, then rows; values by strip, then rows.
  Var mo("mo"), r("r");
  score.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x, span.vector);
  score.update()
      .split(m, mo, r, queries.together)
      .reorder(x, g.x, r, mo, g.y)
      .allow_race_conditions()
      .vectorize(x)
      .unroll(g.x)
      .unroll(r);
  most.bound(x, 0, kLanes).bound(m, 0, queries.rows).vectorize(x).update().reorder(x, all, m).vectorize(x);
  sums.bound(x, 0, kLanes).bound(m, 0, queries.rows).vectorize(x).update().reorder(x, all, m).vectorize(x);
  power.bound(m, 0, queries.rows);
  sum.bound(m, 0, queries.rows);
  weight.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x);
  part.bound(c, 0, channels(shape)).bound(m, 0, queries.rows).vectorize(c, span.vector);
  RVar no("no"), ni("ni");
  part.update()
      .split(ch.y, no, ni, span.stripsTogether)
      .split(m, mo, r, queries.together)
      .reorder(ch.x, ni, r, mo, no)
      .allow_race_conditions()
      .vectorize(ch.x)
      .unroll(ni)
      .unroll(r);
  inner = {score, most, power, weight, sums, sum};
  products->schedule({{score, g.y}, {score, mo}, {part, mo}}, inner);
}

void SpanAttention::computeAt(const LoopLevel &level) {
  for (Func f : inner)
    f.compute_at(level).store_in(kLargeStack);
  part.compute_at(level).store_in(kLargeStack);
}

Expr noParts(Expr channel, int dim) {
  return select(channel == dim + 1, kLowestPower, 0.0f);
}

Expr withPart(const std::function<Expr(Expr)> &before, const std::function<Expr(Expr)> &part, Expr channel,
              int dim) {
  Expr powerBefore = before(dim + 1), power = part(dim + 1), higher = max(powerBefore, power);
  Expr joined = strict_float(before(channel) * powerOfTwo(powerBefore - higher) +
                             part(channel) * powerOfTwo(power - higher));
  return select(part(dim) > 0.0f, select(channel == dim + 1, higher, joined), before(channel));
}

} // namespace gemmac
