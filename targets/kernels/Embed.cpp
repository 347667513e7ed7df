//===- Embed.cpp - gathers rows of a table by token -----------------------------------------------------===//
//
// y[t, c] = scale * table[ids[t], offset + c]. The table has layout rows, or tiles16 if the output head uses
// the same matrix.

#include "targets/kernels/Kernels.h"
#include "targets/kernels/StoredNumbers.h"

namespace gemmac {

using namespace Halide;

/// The table's number at a row and column, as float32.
static Expr numberAt(Layout layout, const SchemeRow &scheme, const std::vector<ImageParam> &planes,
                     const Expr &row, const Expr &column, const Target &target) {
  bool tiled = layout == Layout::tiles16;
  Expr tile = row / int(kTileRows), lane = row % int(kTileRows);
  if (!scheme.quantized()) {
    Expr stored = tiled ? planes[0](lane, column, tile) : planes[0](column, row);
    return scheme.scheme == Scheme::f32 ? stored : widenBfloat(stored);
  }
  Expr unit = column / int(kBlock), block = column / int(scheme.block), i = column % int(kBlock), j = i % 4;
  Expr ofGroup = i / int(scheme.group);
  StoredPlanes stored;
  stored.bytes = [&](int plane, const Expr &byte) -> Expr {
    const ImageParam &from = planes[size_t(plane)];
    if (tiled)
      return from(j, lane, byte, unit, tile);
    return plane == 0 && scheme.bits == 8 ? from(column, row) : from(byte * 4 + j, unit, row);
  };
  PlaneOrder order = planeOrder(scheme);
  auto scaled = [&](int which, const Expr &factor) -> Expr {
    std::vector<Expr> place = tiled ? std::vector<Expr>{lane, block, tile} : std::vector<Expr>{block, row};
    if (scheme.hasMinimum)
      place.insert(place.begin() + tiled, which);
    Expr scale = fromStoredHalf(planes[size_t(order.scales)](place), target);
    if (!scheme.hasFactors())
      return scale;
    const ImageParam &factors = planes[size_t(order.factors)];
    return scale * cast<float>(tiled ? factors(lane, factor, unit, tile) : factors(factor, unit, row));
  };
  Expr value = storedValue(scheme, storedNumber(scheme, stored, i / 16, i / 4 % 4));
  Expr number = scaled(0, ofGroup) * cast<float>(value);
  return scheme.hasMinimum ? number + scaled(1, ofGroup + int(scheme.groupsOf32())) : number;
}

KernelCode buildEmbed(const KernelSpec &spec, const Target &target) {
  Layout layout = spec.layout();
  Scheme scheme = spec.scheme();
  WeightShape shape{0, spec.integer("vocab"), spec.integer("columns")};
  ImageParam ids(Int(32), 1, "ids");
  std::vector<ImageParam> planes = weightPlanes(layout, scheme, shape);

  Var c("c"), t("t");
  Func out("out");
  Expr row = clamp(ids(t), 0, int(shape.rows) - 1), column = c + int(spec.integer("offset"));
  out(c, t) = float(spec.number("scale")) * numberAt(layout, rowOf(scheme), planes, row, column, target);
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  std::vector<Argument> arguments = {ids};
  arguments.insert(arguments.end(), planes.begin(), planes.end());
  return {arguments, out, false, needsLargeIndices(layout, scheme, shape)};
}

} // namespace gemmac
