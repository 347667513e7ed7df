//===- FloatProducts.cpp - attention's products in float32 ----------------------------------------------===//
//
// Both products keep accumulators of `together` rows by 16 positions, or 16 channels, in registers. A group
// of keys, or a strip of values, stays in the L1 cache while all rows are multiplied with it.
//
// If keys are values times a weight, only the channels that RoPE rotates are stored as keys:
//   score[m, j] = scale * (sum over rotated c of q[m, c] k[j, c] + sum over the others of (q[m, c] weight[c])
//                 v[j, c])
// The lanes of values are then positions, so products with the weights are summed over the lanes at the end
// of the span.

#include "targets/kernels/SpanProducts.h"

namespace gemmac {

using namespace Halide;

namespace {

class FloatProducts : public SpanProducts {
public:
  explicit FloatProducts(const Span &span) : span(span), cache(span.cache), queries(span.queries) {}

  Expr score(Expr lane, Expr group, Expr m) override;
  Expr mixed(Func weight, Expr u, Expr v, Expr m) override;
  void schedule(const SpanLoops &loops, std::vector<Func> &perSpan) override;

private:
  Span span;
  const CacheArrays &cache;
  const SpanQueries &queries;
  Var x{"x"}, k{"k"}, m{"m"}, u{"u"}, v{"v"};
  Func dot{"dot"}, factor{"factor"}, mix{"mixed"}, spread{"spread"};
  bool scaled = false; ///< values have scales: `factor` is the weight times the scale
  RDom channel, turned, others, position, group, lane;
};

Expr FloatProducts::score(Expr lane, Expr group, Expr row) {
  int dim = span.shape.dim, half = dim / 2;
  auto dots = span.vars({x, k, m});
  std::vector<Expr> place(dots.begin(), dots.end());
  dot(dots) = 0.0f;
  Expr at = k * kLanes + x, key = span.keyScale(group * kLanes + lane);
  if (!cache.pairs) {
    channel = RDom(0, dim, "rc");
    dot(dots) += queries.query(m, channel) * cache.key(channel, x, k, queries.kvHead, span.slots);
  } else {
    turned = RDom(0, cache.pairs, 0, 2, "turned");
    others = RDom(0, half - cache.pairs, 0, 2, "others");
    dot(dots) += queries.query(m, turned.y * half + turned.x) *
                 cache.key(turned.y * cache.pairs + turned.x, x, k, queries.kvHead, span.slots);
    // From here on in units of the value's scale; where that is 0, value and key are 0 too.
    Expr unit = span.valueScale(at);
    if (unit.defined())
      dot(dots) = strict_float(dot(place) * select(unit == 0.0f, 0.0f, span.keyScale(at) / unit));
    Expr c = others.y * half + cache.pairs + others.x;
    dot(dots) += queries.query(m, c) * cache.groupedValue(c, x, k, queries.kvHead, span.slots);
    key = span.valueScale(group * kLanes + lane);
  }
  Expr score = dot(span.at({lane, group, row})) * span.shape.scale;
  return key.defined() ? strict_float(score * key) : score;
}

Expr FloatProducts::mixed(Func weight, Expr column, Expr strip, Expr row) {
  Expr scale = span.valueScale(k * kLanes + x);
  scaled = scale.defined();
  if (scaled)
    factor(span.vars({x, k, m})) =
        select(span.sees(k * kLanes + x, m), strict_float(weight(span.at({x, k, m})) * scale), 0.0f);
  else
    factor = weight;
  mix(span.vars({u, v, m})) = 0.0f;
  if (!cache.pairs) {
    position = RDom(0, kPositions, "p");
    position.where(position >= queries.begin && position < queries.end);
    mix(span.vars({u, v, m})) += factor(span.at({position % kLanes, position / kLanes, m})) *
                                 cache.value(u, v, position, queries.kvHead, span.slots);
  } else {
    // Sum over groups in each lane, then over the lanes.
    group = RDom(0, kGroups, "of");
    lane = RDom(0, kLanes, "lane");
    group.where(group * kLanes < queries.end && (group + 1) * kLanes > queries.begin);
    spread(span.vars({x, u, v, m})) = 0.0f;
    spread(span.vars({x, u, v, m})) +=
        factor(span.at({x, group, m})) *
        cache.groupedValue(v * span.strip + u, x, group, queries.kvHead, span.slots);
    mix(span.vars({u, v, m})) += spread(span.at({lane, u, v, m}));
  }
  return mix(span.at({column, strip, row}));
}

void FloatProducts::schedule(const SpanLoops &loops, std::vector<Func> &perSpan) {
  dot.compute_at(loops.rowsOfKeys).store_in(MemoryType::Stack).vectorize(x).unroll(k).unroll(m);
  for (int update = 0; update < dot.num_update_definitions(); ++update)
    dot.update(update).vectorize(x).unroll(k).unroll(m);
  mix.compute_at(loops.rowsOfStrips).store_in(MemoryType::Stack).vectorize(u).unroll(v).unroll(m);
  int last = dot.num_update_definitions() - 1;
  if (!cache.pairs) {
    dot.update().reorder(x, k, m, channel);
    mix.update().reorder(u, v, m, position).vectorize(u).unroll(v).unroll(m);
  } else {
    dot.update().reorder(x, k, m, turned.x, turned.y);
    dot.update(last).reorder(x, k, m, others.x, others.y);
    mix.update().reorder(lane, m, u, v).atomic().vectorize(lane).unroll(m);
    spread.compute_at(mix, u).store_in(MemoryType::Stack).vectorize(x).unroll(m);
    spread.update().reorder(x, u, v, m, group).vectorize(x).unroll(m);
  }
  if (queries.fromMemory) {
    // Every pass over a group of keys, or a strip of values, prefetches the next one: otherwise the first
    // row's pass waits for memory, and the passes of other rows leave memory idle.
    PrefetchBoundStrategy beyond = PrefetchBoundStrategy::NonFaulting;
    int keys = span.shape.dim * span.groupsTogether;
    if (!cache.pairs) {
      dot.update().prefetch(cache.planes[0], channel, channel, keys, beyond);
      mix.update().prefetch(cache.planes[1], position, position, kPositions * span.stripsTogether, beyond);
    } else {
      // Values are in the L2 cache by the time they are multiplied with the weights.
      dot.update(last).prefetch(cache.planes[1], others.x, others.x, keys, beyond);
    }
  }
  if (scaled) {
    factor.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x);
    perSpan.push_back(factor);
  }
}

} // namespace

std::unique_ptr<SpanProducts> floatProducts(const Span &span) {
  return std::make_unique<FloatProducts>(span);
}

} // namespace gemmac
