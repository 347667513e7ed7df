//===- Rope.cpp - rotary position embedding, half split -------------------------------------------------===//
//
// Pair j of a head is (x[j], x[j + dim/2]). For j < pairs it is rotated by angle = frequency[j] *
// position[token], a float32 product of float32 numbers, with frequency[j] = theta^(-2j/dim) / factor; the
// other pairs are copied.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

#include <cmath>

namespace gemmac {

using namespace Halide;

/// One frequency per rotated pair.
static Buffer<float> frequencies(const KernelSpec &spec) {
  int64_t dim = spec.integer("dim"), pairs = spec.integer("pairs");
  Buffer<float> table(int(std::max<int64_t>(pairs, 1)), "frequencies");
  table(0) = 0;
  for (int64_t j = 0; j < pairs; ++j)
    table(int(j)) =
        float(std::pow(spec.number("theta"), -2.0 * double(j) / double(dim)) / spec.number("factor"));
  return table;
}

KernelCode buildRope(const KernelSpec &spec, const Target &target) {
  int dim = int(spec.integer("dim")), half = dim / 2, pairs = int(spec.integer("pairs"));
  ImageParam x = tokensArray("x", Float(32), dim, spec.integer("heads"));
  ImageParam positions(Int(32), 1, "positions");

  Var c("c"), h("h"), t("t"), j("j");
  Func turn("turn"), out("out");
  auto [cosine, sine] =
      cosineAndSine(frequencies(spec)(clamp(j, 0, std::max(pairs - 1, 0))) * cast<float>(positions(t)));
  turn(j, t) = {cosine, sine};

  // Computes whole vectors of both halves of a head; stores those inside the call's region of the output.
  out(c, h, t) = undef<float>();
  Part numbers = partOf(out, 0);
  RDom r(0, half, 0, 2, "r");
  Expr at = r.x + r.y * half;
  r.where(at >= numbers.begin && at < numbers.end);
  Expr low = x(r.x, h, t), high = x(r.x + half, h, t);
  Expr turned = select(r.y == 0, low * turn(r.x, t)[0] - high * turn(r.x, t)[1],
                       high * turn(r.x, t)[0] + low * turn(r.x, t)[1]);
  out(at, h, t) = select(r.x < pairs, turned, select(r.y == 0, low, high));

  int lanes = std::min(lanesOf(target), half);
  RVar outer("r_outer"), inner("r_inner");
  out.update()
      .allow_race_conditions()
      .split(r.x, outer, inner, lanes, TailStrategy::GuardWithIf)
      .reorder(inner, outer, r.y, h, t)
      .vectorize(inner)
      .unroll(r.y);
  turn.compute_at(out, t)
      .bound(j, 0, half)
      .store_in(MemoryType::Stack)
      .vectorize(j, lanes, TailStrategy::GuardWithIf);
  return {{x, positions}, out};
}

} // namespace gemmac
