//===- RowWise.cpp - norms and softmax: kernels that need a whole row for each of its numbers -----------===//
//
// rms_norm(x) = x (mean(x^2) + eps)^(-1/2) [w], as float32 or quantized (QuantizedRows.h)
// add_norm(residual, x) = (residual + rms_norm(x)) [scalar]
// softmax(x) = e^(x - max) / sum of e^(x - max)
//
// Sums over a row are interleaved partial sums, added as a tree. The output of add_norm may be its residual,
// that of softmax its input, if the call computes whole rows.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/QuantizedRows.h"

namespace gemmac {

using namespace Halide;

static const Var c("c"), h("h"), t("t"), lane("lane");

/// Reduces each row to one number: `step` folds one number into a partial result, `join` two partial results.
/// Computed once per iteration of the output's loop `row`.
static Func foldRow(const std::string &name, const LoopLevel &row, int64_t size, const Expr &start,
                    const std::function<Expr(Expr partial, Expr at)> &step,
                    const std::function<Expr(Expr, Expr)> &join) {
  int lanes = partialSums(size);
  Func partial(name + "_partial"), whole(name);
  RDom k(0, int(size / lanes), name + "_k");
  partial(lane, h, t) = start;
  partial(lane, h, t) = step(partial(lane, h, t), k * lanes + lane);
  std::vector<Expr> folded;
  for (int i = 0; i < lanes; ++i)
    folded.push_back(partial(i, h, t));
  for (int half = lanes / 2; half; half /= 2)
    for (int i = 0; i < half; ++i)
      folded[i] = join(folded[i], folded[i + half]);
  whole(h, t) = folded[0];
  partial.bound(lane, 0, lanes).vectorize(lane);
  partial.update().vectorize(lane);
  for (Func f : {partial, whole})
    f.bound_extent(h, 1).bound_extent(t, 1).compute_at(row).store_in(MemoryType::Stack);
  return whole;
}

static Expr plus(const Expr &a, const Expr &b) {
  return a + b;
}

static Func inverseNorm(const LoopLevel &row, const std::function<Expr(Expr)> &x, int64_t size, double eps) {
  Func squares = foldRow(
      "squares", row, size, 0.0f, [&](const Expr &sum, const Expr &at) { return sum + x(at) * x(at); }, plus);
  Func inverse("inverse");
  inverse(h, t) = 1.0f / sqrt(squares(h, t) / float(size) + float(eps));
  inverse.bound_extent(h, 1).bound_extent(t, 1).compute_at(row).store_in(MemoryType::Stack);
  return inverse;
}

KernelCode buildRmsNorm(const KernelSpec &spec, const Target &target) {
  int64_t size = spec.integer("size");
  ImageParam x = tokensArray("x", Float(32), size, spec.integer("heads"));
  ImageParam w = denseArray("w", Float(32), {size});
  bool weighted = spec.integer("weighted") != 0;
  std::vector<Argument> arguments = {x};
  if (weighted)
    arguments.push_back(w);

  LoopLevel row;
  Func inverse = inverseNorm(row, [&](const Expr &at) { return x(at, h, t); }, size, spec.number("eps"));
  auto normed = [&](const Expr &c, const Expr &h, const Expr &t) -> Expr {
    Expr product = x(c, h, t) * inverse(h, t);
    return weighted ? product * w(c) : product;
  };
  if (spec.has("quantized")) {
    assert(spec.integer("heads") == 1 && "heads are not quantized");
    QuantizedRows rows(
        [&](const Expr &i, const Expr &b, const Expr &t) { return normed(b * int(kBlock) + i, 0, t); },
        target);
    row.set(rows.token());
    return {arguments, Pipeline(rows.outputs())};
  }
  Func out("out");
  out(c, h, t) = normed(c, h, t);
  row.set({out, h});
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  return {arguments, out};
}

KernelCode buildAddNorm(const KernelSpec &spec, const Target &target) {
  int64_t size = spec.integer("size");
  int64_t heads = spec.integer("heads");
  ImageParam residual = tokensArray("residual", Float(32), size, heads),
             x = tokensArray("x", Float(32), size, heads);
  ImageParam w = denseArray("w", Float(32), {size}), scalar = denseArray("scalar", Float(32), {1});
  bool scaled = spec.integer("scaled") != 0;

  Func out("out");
  Func inverse = inverseNorm({out, h}, [&](const Expr &at) { return x(at, h, t); }, size, spec.number("eps"));
  Expr sum = residual(c, h, t) + x(c, h, t) * inverse(h, t) * w(c);
  out(c, h, t) = scaled ? sum * scalar(0) : sum;
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  std::vector<Argument> arguments = {residual, x, w};
  if (scaled)
    arguments.push_back(scalar);
  return {arguments, out};
}

KernelCode buildSoftmax(const KernelSpec &spec, const Target &target) {
  int64_t size = spec.integer("size");
  ImageParam x = tokensArray("x", Float(32), size, spec.integer("heads"));
  Func out("out");
  auto larger = [](const Expr &a, const Expr &b) -> Expr { return max(a, b); };
  Func most = foldRow(
      "most", {out, h}, size, std::numeric_limits<float>::lowest(),
      [&](const Expr &m, const Expr &at) { return max(m, x(at, h, t)); }, larger);
  Func sum = foldRow(
      "sum", {out, h}, size, 0.0f,
      [&](const Expr &s, const Expr &at) { return s + exponential(x(at, h, t) - most(h, t)); }, plus);
  out(c, h, t) = exponential(x(c, h, t) - most(h, t)) / sum(h, t);
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  return {{x}, out};
}

} // namespace gemmac
