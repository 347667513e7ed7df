//===- ExpertLinear.cpp - each token times the matrices of its experts ----------------------------------===//
//
// y[t, i, r] = sum over k of x[t, (i,) k] w[ids[t, i], r, k]
//
// For decode: each (token, choice) pair reads its matrix once. As in Linear.cpp, accumulators of some row
// tiles stay in registers, and each row tile continues its own stream through memory.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/TileProduct.h"

namespace gemmac {

using namespace Halide;

KernelCode buildExpertLinear(const KernelSpec &spec, const Target &target) {
  Var r("r"), i("i"), t("t"), rowGroup("row_group");
  Func out("out");
  out(r, i, t) = undef<float>();
  Part rows = partOf(out, 0);

  int64_t choices = spec.integer("choices"), experts = spec.integer("experts");
  bool shared = spec.integer("shared") != 0;
  TokenRows input(spec, shared ? 0 : choices);
  ImageParam ids = tokensArray("ids", Int(32), choices);
  WeightShape shape{experts, spec.integer("output"), spec.integer("input")};
  std::vector<ImageParam> planes = weightPlanes(Layout::tiles16, spec.scheme(), shape);
  GroupSize size{int(spec.schedule.rowTiles), 1};
  GroupVars group;
  constexpr int tileRows = int(kTileRows);
  Expr rowGroups =
      ((rows.end + tileRows - 1) / tileRows - rows.begin / tileRows + size.tiles - 1) / size.tiles;
  Expr rowTile = min(rows.begin / tileRows + group.tile * rowGroups + rowGroup, (rows.end - 1) / tileRows);
  Expr expert = clamp(ids(i, t), 0, int(experts) - 1);
  auto ofRow = [&](const ImageParam &array, const Expr &k) { return shared ? array(k, t) : array(k, i, t); };
  TileOperands operands;
  operands.weight = [&](int plane, std::vector<Expr> inTile) {
    inTile.push_back(rowTile);
    inTile.push_back(expert);
    return planes[size_t(plane)](inTile);
  };
  operands.x = [&](const Expr &k) { return ofRow(input.x, k); };
  operands.scale = [&](const Expr &u, int which) { return ofRow(input.scales, 2 * u + which); };
  operands.sum = [&](const Expr &u, int which) { return ofRow(input.sums, 2 * u + which); };
  TileSum sum = tileProduct(spec, target, size, operands, {rowGroup, i, t});

  RDom d(0, tileRows, 0, size.tiles, 0, rowGroups, "d");
  Expr row = (rows.begin / tileRows + d[1] * rowGroups + d[2]) * tileRows + d[0];
  d.where(row >= rows.begin && row < rows.end);
  out(row, i, t) = sum({d[0], d[1], 0, d[2], i, t});
  out.update().allow_race_conditions().reorder(d[0], d[1], d[2], i, t).vectorize(d[0]).unroll(d[1]);
  for (Func part : sum.parts)
    part.compute_at(out, d[2]);

  std::vector<Argument> arguments = input.arguments();
  arguments.push_back(ids);
  arguments.insert(arguments.end(), planes.begin(), planes.end());
  return {arguments, out, true, needsLargeIndices(Layout::tiles16, spec.scheme(), shape)};
}

} // namespace gemmac
