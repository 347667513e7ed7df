//===- Linear.cpp - x times the transpose of a weight ---------------------------------------------------===//
//
// linear: y[t, r] = sum over k of x[t, k] w[offset + r, k]; with a cap: cap tanh(y / cap)
// grouped_linear: y[p, r] = sum over k of x[p, k] w[e, r, k] for the expert e of row p: offsets[e] <= p <
// offsets[e + 1]
//
// The accumulators of a group, some row tiles by some tokens, stay in registers (TileProduct.h). Where a
// group exceeds the region that the call computes, it repeats the last row tile or token and does not store
// it. Adjacent row tiles of a group are `rowGroups` tiles apart: each one continues a sequential stream
// through memory that lasts for the whole call, so that prefetchers do not restart with every group.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/TileProduct.h"

namespace gemmac {

using namespace Halide;

namespace {

constexpr int kRows = int(kTileRows);

/// All tokens times one matrix or, with `experts`, the tokens of each expert times its matrix: that is read
/// once for all of them, and an expert without tokens costs one comparison.
class TokensTimesMatrix {
public:
  TokensTimesMatrix(const KernelSpec &spec, const Target &target, int64_t experts);
  KernelCode build();

private:
  /// The tokens of an expert, clamped to the call's region of the output.
  Part tokensOf(const Expr &e) const;
  Expr groupsOf(const Part &tokens) const {
    return (tokens.end - tokens.begin + size.tokens - 1) / size.tokens;
  }
  TileOperands operands();

  const KernelSpec &spec;
  const Target &target;
  int64_t experts;
  WeightShape shape;
  TokenRows input;
  ImageParam offsets;
  std::vector<ImageParam> planes;
  bool matrixTiles;
  GroupSize size;
  Func out{"out"};
  Var r{"r"}, t{"t"}, tokenGroup{"token_group"}, rowGroup{"row_group"}, expert{"expert"};
  Part allTokens;
  Expr begin, end, rowGroups; ///< the call computes rows begin … end - 1 of the weight
  int offset;
};

TokensTimesMatrix::TokensTimesMatrix(const KernelSpec &spec, const Target &target, int64_t experts)
    : spec(spec), target(target), experts(experts),
      shape{experts, spec.integer(experts ? "output" : "rows"), spec.integer("input")}, input(spec),
      offsets(denseArray("offsets", Int(32), {experts + 1})),
      planes(weightPlanes(Layout::tiles16, spec.scheme(), shape)),
      matrixTiles(spec.schedule.matrixTiles != 0),
      size{int(spec.schedule.rowTiles), int(spec.schedule.tokens)},
      offset(experts ? 0 : int(spec.integer("offset"))) {
  out(r, t) = undef<float>();
  Part rows = partOf(out, 0);
  allTokens = partOf(out, 1);
  begin = rows.begin + offset;
  end = rows.end + offset;
  rowGroups = ((end + kRows - 1) / kRows - begin / kRows + size.tiles - 1) / size.tiles;
}

Part TokensTimesMatrix::tokensOf(const Expr &e) const {
  if (!experts)
    return allTokens;
  auto bounded = [&](const Expr &token) { return clamp(token, allTokens.begin, allTokens.end); };
  return {bounded(offsets(e)), bounded(offsets(e + 1))};
}

TileOperands TokensTimesMatrix::operands() {
  GroupVars group;
  Part tokens = tokensOf(expert);
  Expr rowTile = min(begin / kRows + group.tile * rowGroups + rowGroup, (end - 1) / kRows);
  Expr token = min(tokens.begin + tokenGroup * size.tokens + group.token, tokens.end - 1);
  // A matrix tile reads rows of x at a constant stride, also beyond the last token.
  Expr tokenOfX = matrixTiles ? tokens.begin + tokenGroup * size.tokens + group.token : token;
  TileOperands operands;
  operands.weight = [=, this](int plane, std::vector<Expr> inTile) {
    inTile.push_back(rowTile);
    if (experts)
      inTile.push_back(expert);
    return planes[size_t(plane)](inTile);
  };
  operands.x = [=, this](const Expr &k) { return input.x(k, tokenOfX); };
  operands.scale = [=, this](const Expr &u, int which) { return input.scales(2 * u + which, tokenOfX); };
  operands.sum = [=, this](const Expr &u, int which) { return input.sums(2 * u + which, token); };
  if (matrixTiles) {
    int tiles = int((shape.rows + kRows - 1) / kRows), fours = int(shape.columns / 4);
    if (!spec.schedule.unpack)
      planes[0] = denseArray("weights", Int(8), {std::max<int64_t>(experts, 1) * tiles * fours, kRows, 4});
    Expr tile = experts ? expert * tiles + rowTile : rowTile;
    operands.four = [=, this](int, std::vector<Expr> inTile) {
      return planes[0](inTile[0], inTile[1], tile * fours + inTile[2]);
    };
  }
  return operands;
}

KernelCode TokensTimesMatrix::build() {
  TileOperands operands = this->operands();
  std::vector<Var> matrix = {rowGroup};
  if (experts)
    matrix.push_back(expert);
  std::vector<Func> unpacked;
  if (spec.schedule.unpack)
    unpacked = unpackTile(spec, target, size, operands, matrix);
  matrix.insert(matrix.begin(), tokenGroup);
  TileSum sum = tileProduct(spec, target, size, operands, matrix);

  // Cache blocking: a block of tokens that fits the L2 cache is multiplied with all rows before the next
  // block. Weights are read from memory once per block, tokens from the cache for every row tile.
  int inBlock = int(spec.schedule.tokenGroups);
  Expr blocks = (groupsOf(allTokens) + inBlock - 1) / inBlock;
  // d[3] has one iteration, inside which a group is computed: there its index is known to be in range.
  Region loops = {{0, kRows},   {0, size.tiles}, {0, size.tokens}, {0, 1},
                  {0, inBlock}, {0, rowGroups},  {0, blocks}};
  if (experts)
    loops.push_back({0, int(experts)});
  RDom d(loops, "d");
  Expr row = (begin / kRows + d[1] * rowGroups + d[5]) * kRows + d[0], groupOfTokens = d[6] * inBlock + d[4];
  std::vector<Expr> result = {d[0], d[1], d[2], groupOfTokens, d[5]};
  Part tokens = allTokens;
  if (experts) {
    result.push_back(d[7]);
    tokens = tokensOf(d[7]);
    // Skip experts without tokens: otherwise their tiles would be unpacked too.
    d.where(tokens.begin + d[6] * (inBlock * size.tokens) < tokens.end);
  }
  Expr column = tokens.begin + groupOfTokens * size.tokens + d[2];
  d.where(groupOfTokens < groupsOf(tokens) && row >= begin && row < end && column < tokens.end);
  Expr y = sum(result);
  out(row - offset, column) = spec.has("cap") ? softcap(y, float(spec.number("cap"))) : y;
  out.update().allow_race_conditions().vectorize(d[0]).unroll(d[1]).unroll(d[2]);
  for (Func part : sum.parts)
    part.compute_at(out, d[3]);
  for (Func part : unpacked)
    part.compute_at(out, d[5]);
  if (experts) {
    out.never_partition_all();
    for (Func part : sum.parts)
      part.bound_extent(tokenGroup, 1);
  }

  std::vector<Argument> arguments = input.arguments();
  if (experts)
    arguments.push_back(offsets);
  arguments.insert(arguments.end(), planes.begin(), planes.end());
  return {arguments, out, true, needsLargeIndices(Layout::tiles16, spec.scheme(), shape)};
}

} // namespace

KernelCode buildLinear(const KernelSpec &spec, const Target &target) {
  return TokensTimesMatrix(spec, target, 0).build();
}

KernelCode buildGroupedLinear(const KernelSpec &spec, const Target &target) {
  return TokensTimesMatrix(spec, target, spec.integer("experts")).build();
}

} // namespace gemmac
