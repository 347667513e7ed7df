//===- QuantizedRows.h - results that leave a kernel as int8 in blocks ----------------------------------===//
//
// Of a block of 32 numbers: scale = max |x| / 127, q = round to nearest even (x / scale), all zero where the
// block is zero; sum = -8 * (sum of q), which takes the bias of 4-bit weights (stored + 8) off a product.
// Each number is computed once, for all three.

#ifndef GEMMAC_TARGETS_KERNELS_QUANTIZEDROWS_H
#define GEMMAC_TARGETS_KERNELS_QUANTIZEDROWS_H

#include "targets/kernels/Expressions.h"

namespace gemmac {

/// Outputs q i8[n, blocks, 32], scales f32[n, blocks, 1] and sums i32[n, blocks, 1]. A call's parts of the
/// three name the same tokens and blocks, all 32 numbers of each.
class QuantizedRows {
public:
  /// `number(i, b, t)`: number i of block b of token t.
  using Number =
      std::function<Halide::Expr(const Halide::Expr &i, const Halide::Expr &b, const Halide::Expr &t)>;
  QuantizedRows(const Number &number, const Target &target);

  /// The loop over tokens: what a number needs of its whole row is computed there, by this Var.
  Halide::LoopLevel token() const { return {q, t}; }
  static const Halide::Var t;

  std::vector<Halide::Func> outputs() const { return {q, scales, sums}; }

private:
  Halide::Func q{"q"}, scales{"scales"}, sums{"sums"};
};

} // namespace gemmac

#endif
