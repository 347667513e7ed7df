//===- Elementwise.cpp - elementwise kernels: a result depends on one index of its inputs ---------------===//
//
// gelu(x) = 0.5 x (1 + tanh(u)) = x / (1 + e^(-2u)),  u = sqrt(2/pi) (x + 0.044715 x^3)
// gelu_mul(a, b) = gelu(a) b, as float32 or quantized (QuantizedRows.h)
// add(a, b) = a + b,  mul(a, b) = a b,  scale(x) = x by,  softcap(x) = cap tanh(x / cap)
//
// Each number is read before the result is written at its index, so the output may be the first input.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/QuantizedRows.h"

namespace gemmac {

using namespace Halide;

static Expr gelu(const Expr &x) {
  Expr doubled = 1.5957691216057308f * (x + 0.044715f * x * x * x);
  return x / (1.0f + exponential(-doubled));
}

/// One pass over (tokens, heads, size) in vectors; the tail of a row is scalar.
static KernelCode onePass(std::vector<Argument> arguments,
                          const std::function<Expr(std::vector<Expr>)> &value, const Target &target) {
  Var c("c"), h("h"), t("t");
  Func out("out");
  out(c, h, t) = value({c, h, t});
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  return {std::move(arguments), out};
}

static ImageParam input(const char *name, const KernelSpec &spec) {
  return tokensArray(name, Float(32), spec.integer("size"), spec.integer("heads"));
}

static KernelCode buildUnary(const KernelSpec &spec, const Target &target, Expr (*function)(const Expr &)) {
  ImageParam x = input("x", spec);
  return onePass({x}, [&](const std::vector<Expr> &at) { return function(x(at)); }, target);
}

static KernelCode buildBinary(const KernelSpec &spec, const Target &target,
                              Expr (*function)(const Expr &, const Expr &)) {
  ImageParam a = input("a", spec), b = input("b", spec);
  return onePass({a, b}, [&](const std::vector<Expr> &at) { return function(a(at), b(at)); }, target);
}

KernelCode buildAdd(const KernelSpec &spec, const Target &target) {
  return buildBinary(spec, target, [](const Expr &a, const Expr &b) -> Expr { return a + b; });
}

KernelCode buildMul(const KernelSpec &spec, const Target &target) {
  return buildBinary(spec, target, [](const Expr &a, const Expr &b) -> Expr { return a * b; });
}

KernelCode buildGelu(const KernelSpec &spec, const Target &target) {
  return buildUnary(spec, target, gelu);
}

KernelCode buildGeluMul(const KernelSpec &spec, const Target &target) {
  auto product = [](const Expr &a, const Expr &b) -> Expr { return gelu(a) * b; };
  if (!spec.has("quantized"))
    return buildBinary(spec, target, product);
  ImageParam a = input("a", spec), b = input("b", spec);
  int blocks = int(spec.integer("size") / kBlock); // per head
  QuantizedRows rows(
      [&](const Expr &i, const Expr &block, const Expr &t) {
        std::vector<Expr> at = {block % blocks * int(kBlock) + i, block / blocks, t};
        return product(a(at), b(at));
      },
      target);
  return {{a, b}, Pipeline(rows.outputs())};
}

KernelCode buildScale(const KernelSpec &spec, const Target &target) {
  ImageParam x = input("x", spec);
  if (spec.has("by"))
    return onePass(
        {x}, [&](const std::vector<Expr> &at) { return x(at) * float(spec.number("by")); }, target);
  ImageParam scalar = denseArray("scalar", Float(32), {1});
  return onePass({x, scalar}, [&](const std::vector<Expr> &at) { return x(at) * scalar(0); }, target);
}

KernelCode buildSoftcap(const KernelSpec &spec, const Target &target) {
  ImageParam x = input("x", spec);
  float cap = float(spec.number("cap"));
  return onePass({x}, [&](const std::vector<Expr> &at) { return softcap(x(at), cap); }, target);
}

} // namespace gemmac
