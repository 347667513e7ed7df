//===- Quantize.cpp - rows to int8, one scale for 32 numbers --------------------------------------------===//
//
// scale = max |x| / 127,  q = round to nearest even (x / scale), all zero where the block is zero;  sum = sum
// of q
//
// The three outputs are made apart: a call may have any part of any of them, of q and of the last axis whole
// blocks.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

static const Var c("c"), b("b"), h("h"), t("t"), lane("lane");

/// A block's scale, computed once in each round of a loop of who needs it.
static Func scaleOf(const std::string &name, ImageParam x) {
  Func most(name + "_most"), scale(name + "_scale");
  RDom r(0, 4, name + "_r");
  most(lane, b, h, t) = 0.0f;
  most(lane, b, h, t) = max(most(lane, b, h, t), abs(x(b * 32 + r * 8 + lane, h, t)));
  Expr most8[8];
  for (int i = 0; i < 8; ++i)
    most8[i] = most(i, b, h, t);
  for (int half = 4; half; half /= 2)
    for (int i = 0; i < half; ++i)
      most8[i] = max(most8[i], most8[i + half]);
  scale(b, h, t) = most8[0] / 127.0f;
  most.bound(lane, 0, 8).vectorize(lane).compute_at(scale, b).store_in(MemoryType::Stack);
  most.update().vectorize(lane).unroll(r);
  return scale;
}

static Expr quantized(ImageParam x, Func scale, const Expr &block, const Expr &i) {
  Expr s = scale(block, h, t);
  return select(s == 0.0f, cast<int8_t>(0), cast<int8_t>(round(x(block * 32 + i, h, t) / s)));
}

KernelCode buildQuantize(const KernelSpec &spec, const Target &target) {
  int lanes = lanesOf(target);
  ImageParam x = tokensArray("x", Float(32), spec.integer("size"), spec.integer("heads"));

  Func scales("scales"), scale = scaleOf("scales", x);
  scales(b, h, t) = scale(b, h, t);
  scale.compute_at(scales, b).store_in(MemoryType::Stack);

  Func q("q"), qScale = scaleOf("q", x);
  q(c, h, t) = undef<int8_t>();
  Part numbers = partOf(q, 0);
  RDom r(0, 32, numbers.begin / 32, (numbers.end - numbers.begin) / 32, "q_r");
  q(r.y * 32 + r.x, h, t) = quantized(x, qScale, r.y, r.x);
  q.update().allow_race_conditions().reorder(r.x, r.y, h, t).vectorize(r.x);
  qScale.compute_at(q, r.y).store_in(MemoryType::Stack);

  Func sums("sums"), partial("partial"), sumScale = scaleOf("sums", x);
  RDom part(0, 32 / lanes, "sums_r");
  partial(lane, b, h, t) = 0;
  partial(lane, b, h, t) += cast<int32_t>(quantized(x, sumScale, b, part * lanes + lane));
  RDom all(0, lanes, "all");
  sums(b, h, t) = 0;
  sums(b, h, t) += partial(all, b, h, t);
  sums.update().reorder(all, b, h, t);
  partial.bound(lane, 0, lanes).vectorize(lane).compute_at(sums, b).store_in(MemoryType::Stack);
  partial.update().vectorize(lane);
  sumScale.compute_at(sums, b).store_in(MemoryType::Stack);
  return {{x}, Pipeline({q, scales, sums})};
}

} // namespace gemmac
