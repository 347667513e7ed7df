//===- BlockProducts.h - int8 products of a unit of 32 columns ------------------------------------------===//

#ifndef GEMMAC_TARGETS_KERNELS_BLOCKPRODUCTS_H
#define GEMMAC_TARGETS_KERNELS_BLOCKPRODUCTS_H

#include "targets/kernels/StoredNumbers.h"

namespace gemmac {

/// The Vars of a group of accumulators in registers: 16 lanes, row tiles, tokens.
struct GroupVars {
  Halide::Var lane{"lane"}, tile{"tile"}, token{"token"};
};

/// Accessors of a result's operands, in terms of GroupVars and the outer Vars. A unit is 32 columns.
struct TileOperands {
  /// A number of a plane at the given indices inside the result's row tile, fastest axis first, in the order
  /// of WeightLayout.h's tiles16.
  std::function<Halide::Expr(int plane, std::vector<Halide::Expr> inTile)> weight;
  std::function<Halide::Expr(Halide::Expr k)> x; ///< f32, or i8 if the scheme is quantized
  /// For a unit of x in quantized schemes, QuantizedRows.h's pairs: the scale (0) and the scale times the sum
  /// of x (1); the sum of -8 x over the unit (0) and over its first half (1).
  std::function<Halide::Expr(Halide::Expr unit, int which)> scale, sum;
  /// With matrix tiles: the int8 numbers of a row tile, {j, lane, column / 4}; those of other groups of a
  /// unit are 0.
  std::function<Halide::Expr(int group, std::vector<Halide::Expr> inTile)> four;
  /// Set by unpackTile.
  std::function<Halide::Expr(std::vector<Halide::Expr> inTile)> number, magnitude, flips;
  std::function<Halide::Expr(Halide::Expr unit)> missing;
};

/// Row tiles and tokens of a group.
struct GroupSize {
  int tiles, tokens;
};

/// Unpacks the numbers of a row tile once for all tokens: sets operands of unitProducts and returns the Funcs
/// that hold them, for every row tile that `outer` selects. The caller chooses their compute level.
///   number {j, lane, g, half, unit}: what the target's instruction multiplies, 8 bits; or, where no
///   instruction multiplies signed numbers of 8 bits,
///   magnitude and flips {j, lane, four, unit}: |w| as u8; -1 if w is negative, else 0; and
///   missing {unit}: the sum of the negative w of a unit's row
///   for matrix tiles: `four`
std::vector<Halide::Func> unpackTile(const KernelSpec &spec, const Target &target, GroupSize size,
                                     TileOperands &operands, const std::vector<Halide::Var> &outer);

/// The exact sums of products of each group of a unit (one or two, first), as Funcs (result..., unit), and
/// the Funcs that they need. The caller chooses where they are computed.
std::vector<Halide::Func> unitProducts(const KernelSpec &spec, const Target &target,
                                       const TileOperands &operands, std::vector<Halide::Var> result);

} // namespace gemmac

#endif
