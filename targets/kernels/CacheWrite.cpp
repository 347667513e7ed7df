//===- CacheWrite.cpp - keys and values of this call's tokens go to their slots -------------------------===//
//
// keys[(position + i) mod slots, h, c] = k[i, h, c], rounded to the cache's type; values likewise. All tokens
// of k are written, as far as their slots, heads and numbers lie in the part of the outputs that the call
// has.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

static Func writeTo(const std::string &name, ImageParam x, const Expr &position, const KernelSpec &spec,
                    const Target &target) {
  int dim = int(spec.integer("dim")), slots = int(spec.integer("slots"));
  bool half = spec.word("scheme") == "f16";
  Var c("c"), h("h"), s("s");
  Func cache(name);
  cache(c, h, s) = half ? undef<uint16_t>() : undef<float>();
  Part numbers = partOf(cache, 0), inSlots = partOf(cache, 2);
  RDom r(0, dim, x.dim(2).min(), x.dim(2).extent(), name + "_r");
  Expr slot = (position + r.y) % slots;
  r.where(r.x >= numbers.begin && r.x < numbers.end && slot >= inSlots.begin && slot < inSlots.end);
  cache(r.x, h, slot) = half ? toStoredHalf(x(r.x, h, r.y), target) : x(r.x, h, r.y);
  RVar outer("r_outer"), inner("r_inner");
  cache.update()
      .allow_race_conditions()
      .split(r.x, outer, inner, std::min(lanesOf(target), dim), TailStrategy::GuardWithIf)
      .reorder(inner, outer, h, r.y)
      .vectorize(inner);
  return cache;
}

KernelCode buildCacheWrite(const KernelSpec &spec, const Target &target) {
  ImageParam k = tokensArray("k", Float(32), spec.integer("dim"), spec.integer("heads"));
  ImageParam v = tokensArray("v", Float(32), spec.integer("dim"), spec.integer("heads"));
  Param<int32_t> position("position");
  return {
      {k, v, position},
      Pipeline({writeTo("keys", k, position, spec, target), writeTo("values", v, position, spec, target)})};
}

} // namespace gemmac
