//===- QuantizedRows.h - results stored as int8 in blocks -----------------------------------------------===//
//
// For a block of 32 numbers: scale = max |x| / 127, q = round to nearest even (x / scale), all zero if the
// block is zero. What products with weights need of it comes along: scale times the sum of q, for weights
// with offsets; -8 times the sum of q, and of its first half, which cancel the bias of stored weights (q4_0:
// 8). Each number is computed once, for all three outputs.

#ifndef GEMMAC_TARGETS_KERNELS_QUANTIZEDROWS_H
#define GEMMAC_TARGETS_KERNELS_QUANTIZEDROWS_H

#include "targets/kernels/Expressions.h"

namespace gemmac {

/// Outputs q i8[n, blocks, 32], scales f32[n, blocks, 2] and sums i32[n, blocks, 2]. In a call, the regions
/// of all three cover the same tokens and blocks, with all 32 numbers of each block.
class QuantizedRows {
public:
  /// `number(i, b, t)`: number i of block b of token t.
  using Number =
      std::function<Halide::Expr(const Halide::Expr &i, const Halide::Expr &b, const Halide::Expr &t)>;
  QuantizedRows(const Number &number, const Target &target);

  /// The loop over tokens, where Funcs that need a token's whole row are computed, indexed by this Var.
  Halide::LoopLevel token() const { return {q, t}; }
  static const Halide::Var t;

  std::vector<Halide::Func> outputs() const { return {q, scales, sums}; }

private:
  Halide::Func q{"q"}, scales{"scales"}, sums{"sums"};
};

} // namespace gemmac

#endif
