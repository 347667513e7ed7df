//===- Linear.cpp - x times the transpose of a weight ---------------------------------------------------===//
//
// y[t, r] = sum over k of x[t, k] w[offset + r, k]; with a cap: cap tanh(y / cap)
//
// A group of results, some row tiles by some tokens, stays in registers (TileProduct.h). Where it reaches
// beyond the part of the output that the call computes, it repeats the last row tile or token and does not
// store it. The row tiles of a group lie as far apart as there are groups: each is the next piece of a stream
// through memory that runs as long as the call, so that prefetchers don't start anew with every group.

#include "contract/KernelTraits.h"
#include "targets/kernels/Kernels.h"
#include "targets/kernels/TileProduct.h"

#include <bit>

namespace gemmac {

using namespace Halide;

/// Groups of tokens that take half of the second level of cache, rounded down to a power of two: so is what
/// prompts are cut into.
static int groupsOfBlock(const TokenRows &input, int64_t columns, GroupSize size, const Target &target) {
  if (size.tokens == 1)
    return 1;
  int64_t bytes = columns * input.x.type().bytes() * size.tokens;
  return int(std::bit_floor(std::max<uint64_t>(uint64_t(target.l2 / 2 / bytes), 1)));
}

KernelCode buildLinear(const KernelSpec &spec, const Target &target) {
  Var r("r"), t("t"), tokenGroup("token_group"), rowGroup("row_group");
  Func out("out");
  out(r, t) = undef<float>();
  Part rows = partOf(out, 0), tokens = partOf(out, 1);
  int offset = int(spec.integer("offset"));
  Expr begin = rows.begin + offset, end = rows.end + offset; // in rows of the weight

  TokenRows input(spec);
  WeightShape shape{0, spec.integer("rows"), spec.integer("input")};
  std::vector<ImageParam> planes = weightPlanes(Layout::tiles16, spec.scheme(), shape);
  bool matrixTiles = usesMatrixTiles(spec, target);
  GroupSize size = matrixTiles ? GroupSize{1, kTileTokens}
                               : groupSizeFor(spec.scheme(), spec.integer("tokens") == 1, target);
  GroupVars group;
  Expr rowGroups = ((end + 15) / 16 - begin / 16 + size.tiles - 1) / size.tiles;
  Expr rowTile = min(begin / 16 + group.tile * rowGroups + rowGroup, (end - 1) / 16);
  Expr token = min(tokens.begin + tokenGroup * size.tokens + group.token, tokens.end - 1);
  TileOperands operands;
  operands.weight = [&](int plane, std::vector<Expr> inTile) {
    inTile.push_back(rowTile);
    return planes[size_t(plane)](inTile);
  };
  // A matrix tile has rows of x that lie one stride apart, beyond the last token too.
  Expr tokenOfX = matrixTiles ? tokens.begin + tokenGroup * size.tokens + group.token : token;
  operands.x = [&](const Expr &k) { return input.x(k, tokenOfX); };
  operands.scale = [&](const Expr &b) { return input.scales(b, tokenOfX); };
  operands.sum = [&](const Expr &b) { return input.sums(b, token); };
  int fours = int(spec.integer("input") / 4);
  if (matrixTiles) {
    if (!unpacksTiles(spec, target))
      planes[0] = denseArray("weights", Int(8), {(shape.rows + 15) / 16 * fours, 16, 4});
    operands.four = [&](std::vector<Expr> inTile) {
      return planes[0](inTile[0], inTile[1], rowTile * fours + inTile[2]);
    };
  }
  std::vector<Func> unpacked;
  if (unpacksTiles(spec, target))
    unpacked = unpackTile(spec, target, size, operands, {rowGroup});
  Func sum = tileProduct(spec, target, size, operands, {tokenGroup, rowGroup});

  // A block of tokens that stays in the second level of cache meets all rows before the next: weights come
  // from far away once for each block, tokens from near for each row tile.
  Expr tokenGroups = (tokens.end - tokens.begin + size.tokens - 1) / size.tokens;
  int inBlock = groupsOfBlock(input, spec.integer("input"), size, target);
  // d[3] is there to compute a group inside of it, where it is known to be one of the tokenGroups.
  RDom d(0, 16, 0, size.tiles, 0, size.tokens, 0, 1, 0, inBlock, 0, rowGroups, 0,
         (tokenGroups + inBlock - 1) / inBlock, "d");
  Expr row = (begin / 16 + d[1] * rowGroups + d[5]) * 16 + d[0], groupOfTokens = d[6] * inBlock + d[4];
  Expr column = tokens.begin + groupOfTokens * size.tokens + d[2];
  d.where(groupOfTokens < tokenGroups && row >= begin && row < end && column < tokens.end);
  Expr y = sum(d[0], d[1], d[2], groupOfTokens, d[5]);
  out(row - offset, column) = spec.has("cap") ? softcap(y, float(spec.number("cap"))) : y;
  out.update().allow_race_conditions().vectorize(d[0]).unroll(d[1]).unroll(d[2]);
  sum.compute_at(out, d[3]);
  for (Func part : unpacked)
    part.compute_at(out, d[5]);

  std::vector<Argument> arguments = input.arguments();
  arguments.insert(arguments.end(), planes.begin(), planes.end());
  return {arguments, out, true, needsLargeIndices(Layout::tiles16, spec.scheme(), shape)};
}

} // namespace gemmac
