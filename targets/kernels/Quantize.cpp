//===- Quantize.cpp - rows to int8, one scale per 32 numbers --------------------------------------------===//

#include "targets/kernels/Kernels.h"
#include "targets/kernels/QuantizedRows.h"

namespace gemmac {

using namespace Halide;

KernelCode buildQuantize(const KernelSpec &spec, const Target &target) {
  int blocks = int(spec.integer("size") / kBlock); // per head
  ImageParam x = tokensArray("x", Float(32), spec.integer("size"), spec.integer("heads"));
  QuantizedRows rows([&](const Expr &i, const Expr &b,
                         const Expr &t) { return x(b % blocks * int(kBlock) + i, b / blocks, t); },
                     target);
  return {{x}, Pipeline(rows.outputs())};
}

} // namespace gemmac
