//===- TileProduct.h - sums of products for tiles of 16 rows, shared by all linear kernels --------------===//
//
// floats:    y = sum over k of x[k] w[k]
// quantized: y = sum over units u of x_scale[u] (sum over the groups g of u of
//                step[u, g] (sum over g of xq[k] wq[k]) + offset[u, g] (sum over g of xq[k]))
//
// with the steps and offsets of contract/Scheme.h. Sums over groups are exact int32. Products and offsets are
// summed apart in the order of k or u, one fused multiply-add each, and added in the end. So a result does
// not depend on the tile that it is computed in, nor on the number of tokens.

#ifndef GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H
#define GEMMAC_TARGETS_KERNELS_TILEPRODUCT_H

#include "targets/kernels/BlockProducts.h"

namespace gemmac {

/// Results (lane, tile, token, outer...), the sum of parts that are scheduled inside; the caller chooses the
/// level at which the parts are computed.
struct TileSum {
  std::vector<Halide::Func> parts;
  Halide::Expr operator()(const std::vector<Halide::Expr> &place) const;
};
TileSum tileProduct(const KernelSpec &spec, const Target &target, GroupSize size,
                    const TileOperands &operands, const std::vector<Halide::Var> &outer);

/// x and, if the scheme is quantized, its scales and sums (two of each for a unit): the first arguments of
/// linear kernels. `choices` is 0 or the number of rows per token.
struct TokenRows {
  Halide::ImageParam x, scales, sums;
  bool quantized;
  TokenRows(const KernelSpec &spec, int64_t choices = 0);
  std::vector<Halide::Argument> arguments() const;
};

} // namespace gemmac

#endif
