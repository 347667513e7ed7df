//===- IntegerProducts.cpp - attention's products of int8 numbers ---------------------------------------===//
//
// Queries, and weights times the values' scales, are rounded to 15 bits and a sign, with one scale per row
// (weights: per row and span). vpmaddwd multiplies them with the int8 numbers and adds the products of two
// adjacent ones: twice the work of a float32 multiply-add. Sums are exact:
//   score[m, j] = scale * qs[m] ks[j] * sum over c of qi[m, c] ki[j, c],  qs[m] = max |q[m]| / most
//   mixed[m, c] = ws[m] * sum over j of wi[m, j] vi[j, c],  ws[m] = max over j of w[m, j] vs[j] / 32767
// The rounding error is 2^-16 of the largest number, 250 times less than that of the int8 numbers.
//
// Adjacent numbers are two channels of a key or two positions of a value, as the cache interleaves them. If
// keys are values times a weight, only the channels that RoPE rotates are stored as keys, all others are read
// from the value (FloatProducts.cpp). Then positions are adjacent in memory, and keys are unpacked to int16
// with interleaved channels, once per group for all rows.

#include "targets/kernels/SpanProducts.h"

namespace gemmac {

using namespace Halide;

/// If the largest number of a row is below this, the whole row counts as 0: its scale has a float32's
/// precision.
static constexpr float kNothing = 1e-30f;
static constexpr int kMostInt16 = 32767, kMostInt8 = 127;

static Expr scaleFor(const Expr &largest, int most) {
  return select(largest < kNothing, 0.0f, largest / float(most));
}

static Expr rounded(const Expr &x, const Expr &scale) {
  return select(scale == 0.0f, cast<int16_t>(0), cast<int16_t>(round(x / scale)));
}

static Expr product(const Expr &a, const Expr &b) {
  return cast<int32_t>(a) * cast<int32_t>(b);
}

RoundedQueries::RoundedQueries(const std::vector<Var> &row, const CacheArrays &cache, int dim,
                               const std::function<Expr(Expr)> &number)
    : scale("query_scale"), most("query_most"), cache(cache), number(number), row(row.begin(), row.end()) {
  lanes = partialSums(dim);
  RDom r(0, dim / lanes, "query_r");
  std::vector<Var> vars = row;
  vars.insert(vars.begin(), lane);
  std::vector<Expr> at(vars.begin(), vars.end());
  most(vars) = 0.0f;
  most(vars) = max(most(at), abs(number(r * lanes + lane)));
  at[0] = 0;
  Expr largest = most(at);
  for (int i = 1; i < lanes; ++i) {
    at[0] = i;
    largest = max(largest, most(at));
  }
  // This limit keeps the sum over all channels within 32 bits.
  scale(row) = scaleFor(largest, std::min(kMostInt16, INT32_MAX / (kMostInt8 * dim)));
}

Expr RoundedQueries::operator()(const Expr &i) const {
  return rounded(number(cache.channelOf(i)), scale(row));
}

void RoundedQueries::computeAt(const LoopLevel &level) {
  scale.compute_at(level).store_in(kLargeStack);
  most.bound(lane, 0, lanes).vectorize(lane).compute_at(scale, scale.args()[0]).store_in(MemoryType::Stack);
  most.update().vectorize(lane);
}

namespace {

class IntegerProducts : public SpanProducts {
public:
  explicit IntegerProducts(const Span &span) : span(span), cache(span.cache), queries(span.queries) {}

  Expr score(Expr lane, Expr group, Expr m) override;
  Expr mixed(Func weight, Expr u, Expr v, Expr m) override;
  void schedule(const SpanLoops &loops, std::vector<Func> &perSpan) override;

private:
  /// The stored key channels from 2 first on, in adjacent pairs, and their dot products.
  struct Channels {
    Func keys, dot;
    RDom two;
  };
  Expr dotOf(const char *name, int first, int count, const std::vector<Expr> &place);

  Span span;
  const CacheArrays &cache;
  const SpanQueries &queries;
  Var j{"j"}, x{"x"}, k{"k"}, m{"m"}, u{"u"}, v{"v"}, c{"c"};
  std::vector<Channels> channels;
  Func factor{"factor"}, most{"factor_most"}, scale{"factor_scale"}, factors{"factors"};
  Func mix{"mixed"}, spread{"spread"};
  RDom two, lane;
};

Expr IntegerProducts::dotOf(const char *name, int first, int count, const std::vector<Expr> &place) {
  std::string suffix = name;
  Channels some{Func("keys_" + suffix), Func("dot_" + suffix), RDom(0, 2, 0, count, "two_" + suffix)};
  Expr i = 2 * (first + c) + j;
  some.keys(span.vars({j, x, c, k})) =
      first ? cache.groupedValue(cache.channelOf(i), x, k, queries.kvHead, span.slots)
            : cache.key(i, x, k, queries.kvHead, span.slots);
  some.dot(span.vars({x, k, m})) = 0;
  some.dot(span.vars({x, k, m})) += product(queries.query(m, 2 * (first + some.two.y) + some.two.x),
                                            some.keys(span.at({some.two.x, x, some.two.y, k})));
  channels.push_back(some);
  return cast<float>(some.dot(place));
}

Expr IntegerProducts::score(Expr lane, Expr group, Expr row) {
  int half = span.shape.dim / 2;
  Expr at = group * kLanes + lane, unit = queries.queryScale(row) * span.shape.scale;
  std::vector<Expr> place = span.at({lane, group, row});
  if (!cache.pairs)
    return strict_float(dotOf("all", 0, half, place) * span.keyScale(at) * unit);
  return strict_float((dotOf("turned", 0, cache.pairs, place) * span.keyScale(at) +
                       dotOf("others", cache.pairs, half - cache.pairs, place) * span.valueScale(at)) *
                      unit);
}

Expr IntegerProducts::mixed(Func weight, Expr column, Expr strip, Expr row) {
  Expr place = k * kLanes + x;
  factor(span.vars({x, k, m})) =
      select(span.sees(place, m), strict_float(weight(span.at({x, k, m})) * span.valueScale(place)), 0.0f);
  RDom all(0, kGroups, "all_factors");
  most(span.vars({x, m})) = 0.0f;
  most(span.vars({x, m})) = max(most(span.at({x, m})), factor(span.at({x, all, m})));
  Expr largest = most(span.at({0, m}));
  for (int i = 1; i < kLanes; ++i)
    largest = max(largest, most(span.at({i, m})));
  scale(span.vars({m})) = scaleFor(largest, kMostInt16);
  factors(span.vars({x, k, m})) = rounded(factor(span.at({x, k, m})), scale(span.at({m})));

  mix(span.vars({u, v, m})) = 0;
  if (!cache.pairs) {
    two = RDom(0, 2, 0, kPositions / 2, "two_positions");
    two.where(2 * two.y + 1 >= queries.begin && 2 * two.y < queries.end);
    mix(span.vars({u, v, m})) +=
        product(factors(span.at({2 * (two.y % (kLanes / 2)) + two.x, two.y / (kLanes / 2), m})),
                cache.value(u, v, 2 * two.y + two.x, queries.kvHead, span.slots));
  } else {
    two = RDom(0, 2, 0, kGroups, "two_of");
    lane = RDom(0, kLanes / 2, "lane");
    two.where(two.y * kLanes < queries.end && (two.y + 1) * kLanes > queries.begin);
    spread(span.vars({x, u, v, m})) = 0;
    spread(span.vars({x, u, v, m})) +=
        product(factors(span.at({2 * x + two.x, two.y, m})),
                cache.groupedValue(v * span.strip + u, 2 * x + two.x, two.y, queries.kvHead, span.slots));
    mix(span.vars({u, v, m})) += spread(span.at({lane, u, v, m}));
  }
  return strict_float(cast<float>(mix(span.at({column, strip, row}))) * scale(span.at({row})));
}

void IntegerProducts::schedule(const SpanLoops &loops, std::vector<Func> &perSpan) {
  for (Channels &some : channels) {
    if (cache.pairs) {
      some.keys.compute_at(loops.keys).store_in(kLargeStack);
      some.keys.bound(j, 0, 2).bound(x, 0, kLanes).reorder(x, j, c, k).vectorize(x).unroll(j);
    }
    some.dot.compute_at(loops.rowsOfKeys).store_in(MemoryType::Stack).vectorize(x).unroll(k).unroll(m);
    some.dot.update()
        .reorder(some.two.x, x, k, m, some.two.y)
        .atomic()
        .vectorize(some.two.x)
        .vectorize(x)
        .unroll(k)
        .unroll(m);
  }
  mix.compute_at(loops.rowsOfStrips).store_in(MemoryType::Stack).vectorize(u).unroll(v).unroll(m);
  if (!cache.pairs) {
    mix.update().reorder(two.x, u, v, m, two.y).atomic().vectorize(two.x).vectorize(u).unroll(v).unroll(m);
  } else {
    mix.update().reorder(lane, m, u, v).atomic().vectorize(lane).unroll(m);
    spread.compute_at(mix, u).store_in(MemoryType::Stack).bound(x, 0, kLanes / 2).vectorize(x).unroll(m);
    spread.update().reorder(two.x, x, u, v, m, two.y).atomic().vectorize(two.x).vectorize(x).unroll(m);
  }
  if (queries.fromMemory && !cache.pairs) {
    // As in FloatProducts.cpp: prefetch the next group or strip.
    PrefetchBoundStrategy beyond = PrefetchBoundStrategy::NonFaulting;
    RVar keys = channels[0].two.y, positions = two.y;
    channels[0].dot.update().prefetch(cache.planes[0], keys, keys, span.shape.dim / 2 * span.groupsTogether,
                                      beyond);
    mix.update().prefetch(cache.planes[1], positions, positions, kPositions / 2 * span.stripsTogether,
                          beyond);
  }
  for (Func f : {factor, factors})
    f.bound(x, 0, kLanes).bound(k, 0, kGroups).bound(m, 0, queries.rows).vectorize(x);
  most.bound(x, 0, kLanes).bound(m, 0, queries.rows).vectorize(x).update().vectorize(x);
  scale.bound(m, 0, queries.rows);
  perSpan.insert(perSpan.end(), {factor, most, scale, factors});
}

} // namespace

std::unique_ptr<SpanProducts> integerProducts(const Span &span) {
  return std::make_unique<IntegerProducts>(span);
}

} // namespace gemmac
