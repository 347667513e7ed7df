//===- QuantizedRows.cpp - results stored as int8 in blocks ---------------------------------------------===//

#include "targets/kernels/QuantizedRows.h"

namespace gemmac {

using namespace Halide;

const Var QuantizedRows::t("t");
static const Var i("i"), one("one"), b("b"), lane("lane");

static Expr foldLanes(Func f, const std::function<Expr(Expr, Expr)> &join) {
  Expr folded[8];
  for (int k = 0; k < 8; ++k)
    folded[k] = f(k, b, QuantizedRows::t);
  for (int half = 4; half; half /= 2)
    for (int k = 0; k < half; ++k)
      folded[k] = join(folded[k], folded[k + half]);
  return folded[0];
}

QuantizedRows::QuantizedRows(const Number &number, const Target &target) {
  Func value("value"), most("most"), scale("scale"), rounded("rounded"), partial("partial");
  value(i, b, t) = number(i, b, t);

  RDom r(0, 4, "r");
  most(lane, b, t) = 0.0f;
  most(lane, b, t) = max(most(lane, b, t), abs(value(r * 8 + lane, b, t)));
  scale(b, t) = foldLanes(most, [](const Expr &x, const Expr &y) -> Expr { return max(x, y); }) / 127.0f;

  Expr s = scale(b, t);
  rounded(i, b, t) = select(s == 0.0f, cast<int8_t>(0), cast<int8_t>(round(value(i, b, t) / s)));
  RDom p(0, 4, "p");
  partial(lane, b, t) = 0;
  partial(lane, b, t) += cast<int32_t>(rounded(p * 8 + lane, b, t));

  q(i, b, t) = rounded(i, b, t);
  scales(one, b, t) = s;
  sums(one, b, t) = -8 * foldLanes(partial, [](const Expr &x, const Expr &y) -> Expr { return x + y; });

  q.bound(i, 0, int(kBlock)).vectorize(i);
  for (Func f : {scales, sums}) {
    f.bound(one, 0, 1).compute_with(q, b);
    for (int axis : {1, 2}) {
      auto first = q.output_buffer().dim(axis);
      f.output_buffer().dim(axis).set_bounds(first.min(), first.extent());
    }
  }
  for (Func f : {value, rounded})
    f.bound(i, 0, int(kBlock)).vectorize(i, std::min(2 * lanesOf(target), int(kBlock))).unroll(i);
  for (Func f : {most, partial}) {
    f.bound(lane, 0, 8).vectorize(lane);
    f.update().vectorize(lane);
  }
  most.update().unroll(r);
  partial.update().unroll(p);
  for (Func f : {value, most, scale, rounded, partial})
    f.bound_extent(b, 1).bound_extent(t, 1).compute_at(q, b).store_in(MemoryType::Stack);
}

} // namespace gemmac
