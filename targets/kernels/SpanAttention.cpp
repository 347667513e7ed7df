//===- SpanAttention.cpp - attention of some queries to a span of positions -----------------------------===//
//
// part[c, m] = sum over visible j of w[m, j] v[j, c],  w[m, j] = e^score[m, j] / 2^power[m]
// part[dim, m] = sum over visible j of w[m, j],  part[dim + 1, m] = power[m]
// score[m, j] = scale * sum over c of q[m, c] k[j, c],  power[m] = ceil(log2 e * the largest visible score)
//
// Spans begin at absolute positions, and what one row comes to depends on nothing of the others: a position
// that it does not see has weight 0, which changes no sum, whether or not the loops pass it. So the numbers
// are the same however the prompt was cut. Parts are joined in the order of their spans: when a power rises,
// the sums so far shrink by a power of two, exactly.
//
// Both products hold `together` rows by 16 positions, or 16 channels, in registers. A group of keys stays in
// the first level of cache while all rows pass it, and so does a strip of values.
//
// Of keys that are but values times a weight, channels that RoPE has turned are kept:
//   score[m, j] = scale * (sum over turned c of q[m, c] k[j, c] + sum over the others of (q[m, c] weight[c])
//                 v[j, c])
// Values have their positions in lanes then; what they are mixed to is summed over the lanes at the end of
// the span.

#include "targets/kernels/SpanAttention.h"

namespace gemmac {

using namespace Halide;

static constexpr int kPositions = int(kSpan), kLanes = int(kGroup), kGroups = kPositions / kLanes;
static constexpr float kLowest = -1e30f; // below every score, and finite: differences of it are numbers
static constexpr float kLowestPower = -100000;

/// 2^power for a power of at most 0; a small number, instead of 0, below -126: it only ever multiplies what
/// rounds to 0 beside the rest.
static Expr powerOfTwo(const Expr &power) {
  return reinterpret<float>((max(cast<int32_t>(power), -126) + 127) << 23);
}

/// e^score / 2^power; the product of the power and ln 2 in two parts, the first exact.
static Expr weightOf(const Expr &score, const Expr &power) {
  return exponential(strict_float((score - power * 0.693359375f) - power * -2.12194440e-4f));
}

static Type typeOf(Element element) {
  return element == Element::f32 ? Type(Float(32)) : element == Element::f16 ? Type(UInt(16)) : Type(Int(8));
}

CacheArrays::CacheArrays(const KernelSpec &spec, const Target &target)
    : pairs(spec.has("pairs") ? int(spec.integer("pairs")) : 0), dim(int(spec.integer("dim"))),
      target(target) {
  int64_t heads = spec.integer(spec.has("kv_heads") ? "kv_heads" : "heads");
  static const char *const names[] = {"keys", "values", "key_scales", "value_scales"};
  for (const Plane &plane : cachePlanesOf(spec.word("scheme"), spec.integer("slots"), heads, dim, pairs))
    planes.push_back(denseArray(names[planes.size()], typeOf(plane.element), plane.shape));
  if (pairs)
    keyWeight = denseArray("key_weight", Float(32), {dim});
}

Expr CacheArrays::key(Expr c, Expr lane, Expr group, Expr head, Expr span) const {
  return number(planes[0](lane, c, group, head, span));
}

Expr CacheArrays::value(Expr lane, Expr strip, Expr at, Expr head, Expr span) const {
  return number(planes[1](lane, at, strip, head, span));
}

Expr CacheArrays::groupedValue(Expr c, Expr lane, Expr group, Expr head, Expr span) const {
  return number(planes[1](lane, c, group, head, span));
}

Expr CacheArrays::folded(Expr query, Expr c) const {
  return pairs ? query * select(c % (dim / 2) < pairs, 1.0f, keyWeight(c)) : query;
}

std::vector<Argument> CacheArrays::arguments(const ImageParam &q, const Param<int32_t> &position) const {
  std::vector<Argument> all = {q};
  all.insert(all.end(), planes.begin(), planes.end());
  if (pairs)
    all.push_back(keyWeight);
  all.push_back(position);
  return all;
}

Expr CacheArrays::number(Expr stored) const {
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

SpanAttention::SpanAttention(const SpanQueries &queries, const AttentionShape &shape,
                             const CacheArrays &cache, const Target &target)
    : part("part") {
  Var x("x"), k("k"), m("m"), c("c"), u("u"), v("v");
  auto at = [&](std::vector<Expr> indices) {
    indices.insert(indices.end(), queries.place.begin(), queries.place.end());
    return indices;
  };
  auto vars = [&](std::vector<Var> indices) {
    indices.insert(indices.end(), queries.place.begin(), queries.place.end());
    return indices;
  };
  int lanes = lanesOf(target), strip = int(stripOf(shape.dim)), strips = shape.dim / strip;
  // At least 8 sums in registers, which hide what a multiply-add takes.
  int groupsTogether = 1;
  while (groupsTogether * queries.together * std::max(1, kLanes / lanes) < 8)
    groupsTogether *= 2;
  int stripsTogether = std::gcd(groupsTogether, strips);
  Expr slots = queries.span % shape.spans;

  Func dot("dot"), score("score"), most("most"), power("power"), weight("weight");
  Func sums("sums"), sum("sum"), mixed("mixed");
  RDom rc(0, shape.dim, "rc"), g(0, groupsTogether, 0, kGroups / groupsTogether, "g"), all(0, kGroups, "all");
  int half = shape.dim / 2;
  RDom turned(0, std::max(cache.pairs, 1), 0, 2, "turned"), others(0, half - cache.pairs, 0, 2, "others");
  dot(vars({x, k, m})) = 0.0f;
  if (!cache.pairs) {
    dot(vars({x, k, m})) += queries.query(m, rc) * cache.key(rc, x, k, queries.kvHead, slots);
  } else {
    dot(vars({x, k, m})) += queries.query(m, turned.y * half + turned.x) *
                            cache.key(turned.y * cache.pairs + turned.x, x, k, queries.kvHead, slots);
    // From here on in units of the value's scale; where that is 0, so are value and key.
    Expr place = k * kLanes + x, unit = cache.valueScale(place, queries.kvHead, slots);
    if (unit.defined())
      dot(vars({x, k, m})) =
          strict_float(dot(at({x, k, m})) *
                       select(unit == 0.0f, 0.0f, cache.keyScale(place, queries.kvHead, slots) / unit));
    Expr c = others.y * half + cache.pairs + others.x;
    dot(vars({x, k, m})) += queries.query(m, c) * cache.groupedValue(c, x, k, queries.kvHead, slots);
  }
  Expr group = g.y * groupsTogether + g.x, last = queries.last(m);
  auto sees = [&](const Expr &place) {
    return shape.window ? place <= last && place > last - shape.window : place <= last;
  };
  auto seen = [&](const Expr &group) {
    Expr place = group * kLanes + x, s = score(at({x, group, m}));
    Expr scale = cache.pairs ? cache.valueScale(place, queries.kvHead, slots)
                             : cache.keyScale(place, queries.kvHead, slots);
    return select(sees(place), scale.defined() ? strict_float(s * scale) : s, kLowest);
  };
  g.where(g.y * (groupsTogether * kLanes) < queries.end &&
          (g.y + 1) * (groupsTogether * kLanes) > queries.begin);
  score(vars({x, k, m})) = kLowest;
  score(at({x, group, m})) = dot(at({x, group, m})) * shape.scale;
  most(vars({x, m})) = kLowest;
  most(vars({x, m})) = max(most(at({x, m})), seen(all));
  Expr largest = most(at({0, m}));
  for (int lane = 1; lane < kLanes; ++lane)
    largest = max(largest, most(at({lane, m})));
  power(vars({m})) = max(ceil(largest * 1.44269504f), kLowestPower);
  weight(vars({x, k, m})) = select(sees(k * kLanes + x), weightOf(seen(k), power(at({m}))), 0.0f);
  sums(vars({x, m})) = 0.0f;
  sums(vars({x, m})) += weight(at({x, all, m}));
  sum(vars({m})) = sumOfLanes([&](int lane) { return sums(at({lane, m})); }, kLanes);
  // What stored values are multiplied with.
  Expr valueScale = cache.valueScale(k * kLanes + x, queries.kvHead, slots);
  Func factor = valueScale.defined() ? Func("factor") : weight;
  if (valueScale.defined())
    factor(vars({x, k, m})) =
        select(sees(k * kLanes + x), strict_float(weight(at({x, k, m})) * valueScale), 0.0f);

  RDom p(0, kPositions, "p"), ch(0, strip, 0, strips, "ch");
  p.where(p >= queries.begin && p < queries.end);
  // With positions in lanes: the sums of each, then all of them.
  Func spread("spread");
  RDom of(0, kGroups, "of"), lane(0, kLanes, "lane");
  of.where(of * kLanes < queries.end && (of + 1) * kLanes > queries.begin);
  spread(vars({x, u, v, m})) = 0.0f;
  mixed(vars({u, v, m})) = 0.0f;
  if (!cache.pairs) {
    mixed(vars({u, v, m})) +=
        factor(at({p % kLanes, p / kLanes, m})) * cache.value(u, v, p, queries.kvHead, slots);
  } else {
    spread(vars({x, u, v, m})) +=
        factor(at({x, of, m})) * cache.groupedValue(v * strip + u, x, of, queries.kvHead, slots);
    mixed(vars({u, v, m})) += spread(at({lane, u, v, m}));
  }
  part(vars({c, m})) = select(c == shape.dim, sum(at({m})), c == shape.dim + 1, power(at({m})), 0.0f);
  part(at({ch.y * strip + ch.x, m})) = mixed(at({ch.x, ch.y, m}));

  // Keys: a group, then the rows; values: a strip, then the rows.
  Var mo("mo"), r("r");
  int vector = std::min(lanes, kLanes);
  score.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x, vector);
  score.update()
      .split(m, mo, r, queries.together)
      .reorder(x, g.x, r, mo, g.y)
      .allow_race_conditions()
      .vectorize(x)
      .unroll(g.x)
      .unroll(r);
  dot.compute_at(score, mo).store_in(MemoryType::Stack).vectorize(x).unroll(k).unroll(m);
  for (int update = 0; update < dot.num_update_definitions(); ++update)
    dot.update(update).vectorize(x).unroll(k).unroll(m);
  if (!cache.pairs) {
    dot.update().reorder(x, k, m, rc);
  } else {
    dot.update().reorder(x, k, m, turned.x, turned.y);
    dot.update(dot.num_update_definitions() - 1).reorder(x, k, m, others.x, others.y);
  }
  most.bound(x, 0, kLanes).bound(m, 0, queries.rows).vectorize(x).update().reorder(x, all, m).vectorize(x);
  sums.bound(x, 0, kLanes).bound(m, 0, queries.rows).vectorize(x).update().reorder(x, all, m).vectorize(x);
  power.bound(m, 0, queries.rows);
  sum.bound(m, 0, queries.rows);
  weight.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x);
  if (valueScale.defined())
    factor.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x);
  part.bound(c, 0, channels(shape)).bound(m, 0, queries.rows).vectorize(c, vector);
  RVar no("no"), ni("ni");
  part.update()
      .split(ch.y, no, ni, stripsTogether)
      .split(m, mo, r, queries.together)
      .reorder(ch.x, ni, r, mo, no)
      .allow_race_conditions()
      .vectorize(ch.x)
      .unroll(ni)
      .unroll(r);
  mixed.compute_at(part, mo).store_in(MemoryType::Stack).vectorize(u).unroll(v).unroll(m);
  if (!cache.pairs) {
    mixed.update().reorder(u, v, m, p).vectorize(u).unroll(v).unroll(m);
  } else {
    mixed.update().reorder(lane, m, u, v).atomic().vectorize(lane).unroll(m);
    spread.compute_at(mixed, u).store_in(MemoryType::Stack).vectorize(x).unroll(m);
    spread.update().reorder(x, u, v, m, of).vectorize(x).unroll(m);
  }
  if (queries.fromMemory) {
    // Every pass over a group of keys, or a strip of values, asks for the next one: without that the first
    // pass waits for memory, and the others leave it idle.
    PrefetchBoundStrategy beyond = PrefetchBoundStrategy::NonFaulting;
    if (!cache.pairs) {
      dot.update().prefetch(cache.planes[0], rc, rc, shape.dim * groupsTogether, beyond);
      mixed.update().prefetch(cache.planes[1], p, p, kPositions * stripsTogether, beyond);
    } else {
      // Values are in the second level of cache by the time that they are mixed.
      dot.update(dot.num_update_definitions() - 1)
          .prefetch(cache.planes[1], others.x, others.x, shape.dim * groupsTogether, beyond);
    }
  }
  inner = {score, most, power, weight, sums, sum};
  if (valueScale.defined())
    inner.push_back(factor);
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
