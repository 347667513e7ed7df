//===- Embed.cpp - gathers rows of a table by token -----------------------------------------------------===//
//
// y[t, c] = scale * table[ids[t], offset + c]. The table has layout rows, or tiles16 if the output head uses
// the same matrix.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

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
  Expr block = column / int(kBlock), i = column % int(kBlock);
  Expr scale = fromStoredHalf(tiled ? planes[1](lane, block, tile) : planes[1](block, row), target);
  if (scheme.numberBytes == scheme.block) {
    Expr stored = tiled ? planes[0](i % 4, lane, i / 4, block, tile) : planes[0](column, row);
    return scale * cast<float>(stored);
  }
  int bytes = int(scheme.numberBytes); // the high nibbles hold the second half of a block
  Expr byte = i % bytes;
  Expr stored = tiled ? planes[0](byte % 4, lane, byte / 4, block, tile) : planes[0](byte, block, row);
  Expr number = select(i < bytes, stored & cast<uint8_t>(15), stored >> cast<uint8_t>(4));
  return scale * cast<float>(cast<int32_t>(number) - scheme.bias);
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
