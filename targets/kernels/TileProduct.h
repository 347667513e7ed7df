//===- TileProduct.h - sums of products for tiles of 16 rows, shared by all linear kernels --------------===//
//
// floats:    y = sum over k of x[k] w[k]
// quantized: y = sum over blocks b of (sum over the block of xq[k] wq[k]) * (w_scale[b] * x_scale[b])
//
// The sum of a block is an exact int32; float sums run in the order of k or b, one fused multiply-add each.
// So a result does not depend on the tile that it is computed in, nor on the number of tokens.

#ifndef GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H
#define GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H

#include "targets/kernels/Expressions.h"

namespace gemmac {

/// The Vars of a group of accumulators in registers: 16 lanes, row tiles, tokens.
struct GroupVars {
  Halide::Var lane{"lane"}, tile{"tile"}, token{"token"};
};

/// Accessors of a result's operands, in terms of GroupVars and the outer Vars.
struct TileOperands {
  /// A number of a plane at the given indices inside the result's row tile, fastest axis first, in Kernel.h's
  /// order of tiles16.
  std::function<Halide::Expr(int plane, std::vector<Halide::Expr> inTile)> weight;
  std::function<Halide::Expr(Halide::Expr k)> x; ///< f32, or i8 if the scheme is quantized
  /// For a block of x in quantized schemes: its scale and the sum of -8 x.
  std::function<Halide::Expr(Halide::Expr b)> scale, sum;
  /// With matrix tiles: the int8 numbers of a row tile, {j, lane, column / 4}.
  std::function<Halide::Expr(std::vector<Halide::Expr> inTile)> four;
  /// Set by unpackTile.
  std::function<Halide::Expr(std::vector<Halide::Expr> inTile)> nibble, magnitude, flips;
  std::function<Halide::Expr(Halide::Expr b)> missing;
};

/// Row tiles and tokens of a group.
struct GroupSize {
  int tiles, tokens;
};

/// Unpacks the numbers of a row tile once for all tokens: sets operands of tileProduct and returns the Funcs
/// that hold them, for every row tile that `outer` selects. The caller chooses their compute level.
///   q4_0: nibble {j, lane, g, half, block}, u8
///   q8_0: magnitude and flips {j, lane, g, block}: |w| as u8; -1 if w is negative, else 0
///         missing {block}: the sum of the negative w of a block's row
///   q4_0 for matrix tiles: `four`
std::vector<Halide::Func> unpackTile(const KernelSpec &spec, GroupSize size, TileOperands &operands,
                                     const std::vector<Halide::Var> &outer);

/// The results (lane, tile, token, outer...), scheduled inside; the caller chooses their compute level.
Halide::Func tileProduct(const KernelSpec &spec, const Target &target, GroupSize size,
                         const TileOperands &operands, const std::vector<Halide::Var> &outer);

/// x and, if the scheme is quantized, its scales and sums: the first arguments of linear kernels. `choices`
/// is 0 or the number of rows per token.
struct TokenRows {
  Halide::ImageParam x, scales, sums;
  bool quantized;
  TokenRows(const KernelSpec &spec, int64_t choices = 0);
  std::vector<Halide::Argument> arguments() const;
};

} // namespace gemmac

#endif
