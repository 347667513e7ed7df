//===- Linear.cpp - x times the transpose of a weight
//-------------------------------------------------------===//
//
// y[t, r] = sum over k of x[t, k] w[offset + r, k]
//
// Weights stand in tiles of 16 rows. A group of results, some row tiles by some tokens, stays in registers
// while k runs. Where a group reaches beyond the part of the output that the call computes, it repeats the
// last row tile or token and does not store it. Every result adds its products in the order of k, whatever
// group it is in: the same numbers for one token and many, and for any sharing among threads.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

namespace {

const Var lane("lane"), tile("tile"), token("token"), tokenGroup("token_group"), rowGroup("row_group");

/// A group: how many row tiles and tokens it has, and which ones of the weight and the input the Vars of a
/// result mean.
struct Group {
  int tiles, tokens;
  Expr rowTile, rowToken;
};

} // namespace

/// One token: enough row tiles to hide the latency of a multiply-add. Many: as many results as leave
/// registers for weights.
static std::pair<int, int> groupSize(const KernelSpec &spec, const Target &target) {
  if (spec.integer("tokens") == 1)
    return {target.vectorBytes == 16 ? 2 : 4, 1};
  if (target.vectorBytes == 64)
    return {2, 8};
  return {1, 4};
}

/// The results before they are stored, and the arguments that they need.
static std::vector<Argument> sumFloats(Func sum, const KernelSpec &spec, const Group &group) {
  int64_t input = spec.integer("input");
  ImageParam x = tokensArray("x", Float(32), input);
  ImageParam w = weightPlanes("tiles16", spec.word("scheme"), {0, spec.integer("rows"), input})[0];
  RDom k(0, int(input), "k");
  Expr stored = w(lane, k, group.rowTile);
  Expr weight = spec.word("scheme") == "bf16" ? widenBfloat(stored) : stored;
  sum(lane, tile, token, tokenGroup, rowGroup) = 0.0f;
  sum(lane, tile, token, tokenGroup, rowGroup) += weight * x(k, group.rowToken);
  sum.update().reorder(lane, tile, token, k).vectorize(lane).unroll(tile).unroll(token);
  return {x, w};
}

KernelCode buildLinear(const KernelSpec &spec, const Target &target) {
  Var r("r"), t("t");
  Func out("out"), sum("sum");
  out(r, t) = undef<float>();
  Part rows = partOf(out, 0), tokens = partOf(out, 1);
  int offset = int(spec.integer("offset"));
  Expr begin = rows.begin + offset, end = rows.end + offset; // in rows of the weight

  auto [tilesOf, tokensOf] = groupSize(spec, target);
  Group group{tilesOf, tokensOf, {}, {}};
  group.rowTile = min(begin / 16 + rowGroup * group.tiles + tile, (end - 1) / 16);
  group.rowToken = min(tokens.begin + tokenGroup * group.tokens + token, tokens.end - 1);
  std::vector<Argument> arguments = sumFloats(sum, spec, group);

  // Weights are the larger part: each group of rows meets all tokens before the next.
  Expr rowGroups = ((end + 15) / 16 - begin / 16 + group.tiles - 1) / group.tiles;
  Expr tokenGroups = (tokens.end - tokens.begin + group.tokens - 1) / group.tokens;
  RDom d(0, 16, 0, group.tiles, 0, group.tokens, 0, tokenGroups, 0, rowGroups, "d");
  Expr row = (begin / 16 + d[4] * group.tiles + d[1]) * 16 + d[0];
  Expr column = tokens.begin + d[3] * group.tokens + d[2];
  d.where(row >= begin && row < end && column < tokens.end);
  out(row - offset, column) = sum(d[0], d[1], d[2], d[3], d[4]);

  out.update().allow_race_conditions().vectorize(d[0]).unroll(d[1]).unroll(d[2]);
  sum.compute_at(out, d[3]).store_in(MemoryType::Stack);
  sum.bound(lane, 0, 16).bound(tile, 0, group.tiles).bound(token, 0, group.tokens);
  sum.vectorize(lane).unroll(tile).unroll(token);
  return {arguments, out, true};
}

} // namespace gemmac
