//===- CacheWrite.cpp - writes keys and values of a call's tokens to their slots ------------------------===//
//
// The key and value of token i are written to the slot that CacheLayout.h defines for positions[i], rounded
// to the cache's type. For q8_0 this is, for each head of a token,
//   scale = max |x| / 127,  q = round to nearest even (x / scale), all zero where the head is zero
// A call writes all tokens of k whose spans and heads are inside its regions of the outputs.

#include "contract/CacheLayout.h"
#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

namespace {

/// Writes keys, or values, to their planes.
class Writer {
public:
  Writer(const std::string &name, ImageParam x, ImageParam positions, const KernelSpec &spec,
         const Target &target, bool keys)
      : name(name), x(x), positions(positions), target(target), half(int(spec.integer("dim")) / 2),
        pairs(keys && spec.has("pairs") ? int(spec.integer("pairs")) : 0),
        channels(pairs ? 2 * pairs : int(spec.integer("dim"))), inGroups(keys || spec.has("pairs")),
        spans(int(spansOf(spec.integer("slots")))), scheme(spec.scheme()),
        beside(int(neighboursOf(scheme, spec.has("pairs") ? spec.integer("pairs") : 0))) {}

  Func numbers();
  Func scales();

private:
  /// The slot and span of token t.
  Expr place(const Expr &t) const { return positions(t) % int(kSpan); }
  Expr span(const Expr &t) const { return positions(t) / int(kSpan) % spans; }
  Func scaleOf(const std::string &owner);
  /// The number of a stored channel.
  Expr number(const Expr &channel, const Expr &t) const {
    return x(pairs ? select(channel < pairs, channel, channel - pairs + half) : channel, h, t);
  }

  std::string name;
  ImageParam x;
  ImageParam positions;
  const Target &target;
  int half, pairs, channels; ///< `channels` are stored; with `pairs` not all of them
  bool inGroups;             ///< in groups of positions, not in strips of channels
  int spans;
  Scheme scheme;
  int beside; ///< interleave factor (neighboursOf)
  Var h{"h"}, t{"t"};
};

Func Writer::scaleOf(const std::string &owner) {
  int lanes = partialSums(channels);
  Var lane("lane");
  Func most(owner + "_most"), scale(owner + "_scale");
  RDom r(0, channels / lanes, owner + "_r");
  most(lane, h, t) = 0.0f;
  most(lane, h, t) = max(most(lane, h, t), abs(number(r * lanes + lane, t)));
  Expr largest = most(0, h, t);
  for (int i = 1; i < lanes; ++i)
    largest = max(largest, most(i, h, t));
  scale(h, t) = largest / 127.0f;
  most.bound(lane, 0, lanes).vectorize(lane).compute_at(scale, h).store_in(MemoryType::Stack);
  most.update().vectorize(lane);
  return scale;
}

Func Writer::numbers() {
  int group = int(kGroup), strip = int(stripOf(channels));
  Var a("a"), b("b"), g("g"), s("s");
  Func cache(name), scale = scaleOf(name);
  Type type = typeOf(rowOf(scheme).element);
  cache(a, b, g, h, s) = undef(type);
  Part part = partOf(cache, 4);
  RDom r(0, strip, 0, channels / strip, x.dim(2).min(), x.dim(2).extent(), name + "_r");
  Expr channel = r.y * strip + r.x, at = place(r.z), stored = number(channel, r.z);
  r.where(span(r.z) >= part.begin && span(r.z) < part.end);
  if (scheme == Scheme::f16)
    stored = toStoredHalf(stored, target);
  if (isQuantized(scheme))
    stored = select(scale(h, r.z) == 0.0f, cast<int8_t>(0), cast<int8_t>(round(stored / scale(h, r.z))));
  if (inGroups)
    cache(at % group * beside + channel % beside, channel / beside, at / group, h, span(r.z)) = stored;
  else
    cache(r.x * beside + at % beside, at / beside, r.y, h, span(r.z)) = stored;
  cache.update().allow_race_conditions().reorder(r.x, r.y, h, r.z).vectorize(r.x);
  scale.compute_at(cache, h).store_in(MemoryType::Stack);
  return cache;
}

Func Writer::scales() {
  Var p("p"), s("s");
  Func cache(name + "_scales"), scale = scaleOf(name + "_scales");
  cache(p, h, s) = undef<float>();
  Part part = partOf(cache, 2);
  RDom r(x.dim(2).min(), x.dim(2).extent(), name + "_scales_r");
  r.where(span(r) >= part.begin && span(r) < part.end);
  cache(place(r), h, span(r)) = scale(h, r);
  cache.update().allow_race_conditions().reorder(h, r);
  scale.compute_at(cache, h).store_in(MemoryType::Stack);
  return cache;
}

} // namespace

KernelCode buildCacheWrite(const KernelSpec &spec, const Target &target) {
  ImageParam k = tokensArray("k", Float(32), spec.integer("dim"), spec.integer("heads"));
  ImageParam v = tokensArray("v", Float(32), spec.integer("dim"), spec.integer("heads"));
  ImageParam positions(Int(32), 1, "positions");
  Writer keys("keys", k, positions, spec, target, true), values("values", v, positions, spec, target, false);
  std::vector<Func> planes = {keys.numbers(), values.numbers()};
  if (isQuantized(spec.scheme()))
    planes.insert(planes.end(), {keys.scales(), values.scales()});
  return {{k, v, positions}, Pipeline(planes)};
}

} // namespace gemmac
