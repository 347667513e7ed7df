//===- TileProduct.h - sums of products for tiles of 16 rows: the heart of all linear kernels -----------===//
//
// floats:    y = sum over k of x[k] w[k]
// quantized: y = sum over blocks b of (sum over the block of xq[k] wq[k]) * (w_scale[b] * x_scale[b])
//
// The sum of a block is an exact int32; float sums run in the order of k or b, one fused multiply-add each.
// So a result is the same number whatever tile it is computed in, for one token and for many.

#ifndef GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H
#define GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H

#include "targets/kernels/Expressions.h"

namespace gemmac {

/// The Vars of a group of results that stays in registers: 16 lanes, row tiles, tokens.
struct GroupVars {
  Halide::Var lane{"lane"}, tile{"tile"}, token{"token"};
};

/// How a result, named by GroupVars and the outer Vars, finds its numbers.
struct TileOperands {
  /// A number of a plane, by the indices inside the result's row tile, fastest first; Kernel.h's order of
  /// tiles16.
  std::function<Halide::Expr(int plane, std::vector<Halide::Expr> inTile)> weight;
  std::function<Halide::Expr(Halide::Expr k)> x; ///< f32, or i8 where the scheme is quantized
  /// Of a block of x, in quantized schemes; the sum of -8 x.
  std::function<Halide::Expr(Halide::Expr b)> scale, sum;
  /// Where the schedule has matrix tiles: a row tile's int8 numbers {j, lane, column / 4}.
  std::function<Halide::Expr(std::vector<Halide::Expr> inTile)> four;
  /// What unpackTile makes.
  std::function<Halide::Expr(std::vector<Halide::Expr> inTile)> nibble, magnitude, flips;
  std::function<Halide::Expr(Halide::Expr b)> missing;
};

/// Row tiles and tokens of a group.
struct GroupSize {
  int tiles, tokens;
};

/// What all tokens have in common, made once of the numbers of a row tile: operands of tileProduct, and the
/// Funcs that hold them, for every row tile that `outer` names; the caller says where they are computed.
///   q4_0: nibble {j, lane, g, half, block}, u8
///   q8_0: magnitude and flips {j, lane, g, block}: |w| as u8, -1 where w is negative and 0 elsewhere
///         missing {block}: the sum of the negative w of a block's row
///   q4_0 for matrix tiles: `four`
std::vector<Halide::Func> unpackTile(const KernelSpec &spec, GroupSize size, TileOperands &operands,
                                     const std::vector<Halide::Var> &outer);

/// The results (lane, tile, token, outer...), scheduled inside; the caller says where they are computed.
Halide::Func tileProduct(const KernelSpec &spec, const Target &target, GroupSize size,
                         const TileOperands &operands, const std::vector<Halide::Var> &outer);

/// x and, where the scheme is quantized, its scales and sums: the first arguments of linear kernels.
/// `choices` is 0, or the rows that each token has.
struct TokenRows {
  Halide::ImageParam x, scales, sums;
  bool quantized;
  TokenRows(const KernelSpec &spec, int64_t choices = 0);
  std::vector<Halide::Argument> arguments() const;
};

} // namespace gemmac

#endif
