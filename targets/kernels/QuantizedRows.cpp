//===- QuantizedRows.cpp - results stored as int8 in blocks ---------------------------------------------===//

#include "targets/kernels/QuantizedRows.h"

namespace gemmac {

using namespace Halide;

const Var QuantizedRows::t("t");
static const Var i("i"), two("two"), b("b"), lane("lane"), half("half");

/// Joins f(0), …, f(7).
static Expr foldLanes(const std::function<Expr(int)> &f, const std::function<Expr(Expr, Expr)> &join) {
  Expr folded[8];
  for (int k = 0; k < 8; ++k)
    folded[k] = f(k);
  for (int half = 4; half; half /= 2)
    for (int k = 0; k < half; ++k)
      folded[k] = join(folded[k], folded[k + half]);
  return folded[0];
}

QuantizedRows::QuantizedRows(const Number &number, const Target &target) {
  Func value("value"), most("most"), scale("scale"), rounded("rounded"), partial("partial"), sum("sum");
  value(i, b, t) = number(i, b, t);

  RDom r(0, 4, "r");
  most(lane, b, t) = 0.0f;
  most(lane, b, t) = max(most(lane, b, t), abs(value(r * 8 + lane, b, t)));
  scale(b, t) = foldLanes([&](int k) -> Expr { return most(k, b, t); },
                          [](const Expr &x, const Expr &y) -> Expr { return max(x, y); }) /
                127.0f;

  Expr s = scale(b, t);
  rounded(i, b, t) = select(s == 0.0f, cast<int8_t>(0), cast<int8_t>(round(value(i, b, t) / s)));
  RDom p(0, 2, "p");
  partial(lane, half, b, t) = 0;
  partial(lane, half, b, t) += cast<int32_t>(rounded(half * 16 + p * 8 + lane, b, t));
  sum(half, b, t) = foldLanes([&](int k) -> Expr { return partial(k, half, b, t); },
                              [](const Expr &x, const Expr &y) -> Expr { return x + y; });

  q(i, b, t) = rounded(i, b, t);
  Expr all = sum(0, b, t) + sum(1, b, t);
  scales(two, b, t) = select(two == 0, s, s * cast<float>(all));
  sums(two, b, t) = -8 * select(two == 0, all, sum(0, b, t));

  q.bound(i, 0, int(kBlock)).vectorize(i);
  for (Func f : {scales, sums}) {
    f.bound(two, 0, 2).unroll(two).compute_with(q, b);
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
  partial.bound(half, 0, 2).unroll(half).update().unroll(half).unroll(p);
  sum.bound(half, 0, 2).unroll(half);
  for (Func f : {value, most, scale, rounded, partial, sum})
    f.bound_extent(b, 1).bound_extent(t, 1).compute_at(q, b).store_in(MemoryType::Stack);
}

} // namespace gemmac
