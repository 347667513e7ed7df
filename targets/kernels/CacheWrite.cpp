//===- CacheWrite.cpp - keys and values of this call's tokens go to their slots -------------------------===//
//
// keys and values of token i go to the place that CacheLayout.h has for position + i, rounded to the cache's
// type. All tokens of k are written, as far as their spans and heads lie in the part of the outputs that the
// call has.

#include "targets/kernels/CacheLayout.h"
#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

/// Strips of 16 positions for keys, of channels for values.
static Func writeTo(const std::string &name, ImageParam x, const Expr &position, const KernelSpec &spec,
                    const Target &target, bool keys) {
  int dim = int(spec.integer("dim")), spans = int(spansOf(spec.integer("slots")));
  bool half = spec.word("scheme") == "f16";
  int span = int(kSpan), group = int(kGroup), strip = int(stripOf(dim));
  Var a("a"), b("b"), g("g"), h("h"), s("s");
  Func cache(name);
  cache(a, b, g, h, s) = half ? undef<uint16_t>() : undef<float>();
  Part part = partOf(cache, 4);
  RDom r(0, strip, 0, dim / strip, x.dim(2).min(), x.dim(2).extent(), name + "_r");
  Expr at = position + r.z, place = at % span, inSpan = at / span % spans, channel = r.y * strip + r.x;
  r.where(inSpan >= part.begin && inSpan < part.end);
  Expr number = half ? toStoredHalf(x(channel, h, r.z), target) : x(channel, h, r.z);
  if (keys)
    cache(place % group, channel, place / group, h, inSpan) = number;
  else
    cache(r.x, place, r.y, h, inSpan) = number;
  cache.update().allow_race_conditions().reorder(r.x, r.y, h, r.z).vectorize(r.x);
  return cache;
}

KernelCode buildCacheWrite(const KernelSpec &spec, const Target &target) {
  ImageParam k = tokensArray("k", Float(32), spec.integer("dim"), spec.integer("heads"));
  ImageParam v = tokensArray("v", Float(32), spec.integer("dim"), spec.integer("heads"));
  Param<int32_t> position("position");
  return {{k, v, position},
          Pipeline({writeTo("keys", k, position, spec, target, true),
                    writeTo("values", v, position, spec, target, false)})};
}

} // namespace gemmac
