//===- TileProduct.cpp - sums of products for tiles of 16 rows ------------------------------------------===//
//
// The int8 products of a block go through the widest instruction that a machine has:
//   dot products   vpdpbusd, sdot: four neighbouring columns of a row fall into one int32 lane. vpdpbusd
//   wants one
//                  unsigned side: 4-bit numbers are + 8 as they stand, 8-bit ones become + 128, and the bias
//                  times the sum of x is taken off again. ARM without sdot: smull, sadalp, addp.
//   4-bit pairs    vpmaddubsw: two products of a 4-bit and an 8-bit number, and even 16 of them, fit int16
//                  (16 * 15 * 127 < 2^15).
//   8-bit pairs    vpmaddwd: both sides as int16, two products into one int32 lane.

#include "targets/kernels/TileProduct.h"

namespace gemmac {

using namespace Halide;

namespace {

const Var block("block"), pair("pair");
const GroupVars group;

/// A block of 32 columns of a result's row, in groups of four neighbours; the bytes of q4_0 hold two
/// half-blocks.
struct Block {
  const TileOperands &operands;
  bool x86, q8;
  std::vector<Var> result; ///< lane, tile, token, outer..., block
  /// 15, to be loaded: of a constant Halide would see that the number fits int8 too, and take a slower
  /// instruction.
  Buffer<uint8_t> mask;

  int groups() const { return q8 ? 8 : 4; }
  int halves() const { return q8 ? 1 : 2; }
  Expr x(int half, const Expr &g, const Expr &j) const {
    return operands.x(block * 32 + 16 * half + 4 * g + j);
  }
  Expr byte(const Expr &g, const Expr &j) const { return operands.weight(0, {j, group.lane, g, block}); }

  /// A 4-bit number + 8, as uint8.
  Expr nibble(int half, const Expr &g, const Expr &j) const {
    Expr shifted = half ? byte(g, j) >> cast<uint8_t>(4) : byte(g, j);
    if (!x86)
      return half ? shifted : shifted & cast<uint8_t>(15);
    return shifted & mask(Expr(0));
  }

  /// A Func of results, or of pairs of each result, that starts with a value.
  Func start(const char *name, const Expr &value, bool pairs) const {
    Func f(name);
    std::vector<Var> vars = result;
    if (pairs)
      vars.insert(vars.begin(), pair);
    f(vars) = value;
    if (pairs)
      f.bound(pair, 0, 2).vectorize(pair);
    f.vectorize(group.lane).unroll(group.tile).unroll(group.token).store_in(MemoryType::Stack);
    return f;
  }
};

} // namespace

static std::vector<Expr> at(const std::vector<Var> &result) {
  return {result.begin(), result.end()};
}

static std::vector<Expr> at(const Expr &first, const std::vector<Var> &result) {
  std::vector<Expr> place = at(result);
  place.insert(place.begin(), first);
  return place;
}

/// An update whose `summed` numbers fall into one lane: vectors over lanes, everything else of the group
/// unrolled.
static void keepInRegisters(Stage stage, const RVar &summed, const RVar *g, bool pairs) {
  std::vector<VarOrRVar> order = {summed, group.lane, group.tile, group.token};
  if (pairs)
    order.insert(order.begin() + 1, pair);
  if (g)
    order.push_back(*g);
  // Halide cannot prove that saturating sums may be reordered; these never saturate.
  stage.reorder(order).atomic(true).vectorize(summed);
  if (pairs)
    stage.vectorize(pair);
  stage.vectorize(group.lane).unroll(group.tile).unroll(group.token);
  if (g)
    stage.unroll(*g);
}

/// The sum before any product: what takes off the bias that is in every weight.
static Func startDot(const Block &b, int bias) {
  return b.start("dot", bias ? -bias * b.operands.sum(block) : Expr(0), false);
}

/// All three return what is computed for a block, the sum first.
static std::vector<Func> dotProducts(const Block &b) {
  Func dot = startDot(b, b.q8 ? (b.x86 ? 128 : 0) : 8);
  RDom r(0, 4, 0, b.groups(), "four");
  for (int half = 0; half < b.halves(); ++half) {
    Expr weight = b.q8 ? b.byte(r.y, r.x) : b.nibble(half, r.y, r.x);
    if (b.x86 && b.q8)
      weight = reinterpret<uint8_t>(weight) ^ cast<uint8_t>(128);
    if (!b.x86)
      weight = cast<int8_t>(weight);
    dot(at(b.result)) += cast<int32_t>(weight) * cast<int32_t>(b.x(half, r.y, r.x));
    keepInRegisters(dot.update(half), r.x, &r.y, false);
  }
  return {dot};
}

static std::vector<Func> sumOfPairs(const Block &b, Func pairs, int bias) {
  Func dot = startDot(b, bias);
  RDom r(0, 2, "two");
  dot(at(b.result)) += cast<int32_t>(pairs(at(r.x, b.result)));
  keepInRegisters(dot.update(), r.x, nullptr, false);
  return {dot, pairs};
}

static std::vector<Func> fourBitPairs(const Block &b) {
  Func pairs = b.start("pairs", cast<int16_t>(0), true);
  RDom r(0, 2, 0, b.groups(), "two_of_four");
  for (int half = 0; half < b.halves(); ++half) {
    Expr j = 2 * pair + r.x;
    Expr sum = pairs(at(pair, b.result));
    pairs(at(pair, b.result)) = saturating_add(sum, widening_mul(b.nibble(half, r.y, j), b.x(half, r.y, j)));
    keepInRegisters(pairs.update(half), r.x, &r.y, true);
  }
  return sumOfPairs(b, pairs, 8);
}

static std::vector<Func> eightBitPairs(const Block &b) {
  Func pairs = b.start("pairs", Expr(0), true);
  RDom r(0, 2, 0, b.groups(), "two_of_four");
  Expr j = 2 * pair + r.x;
  auto wide = [](const Expr &number) { return cast<int32_t>(cast<int16_t>(number)); };
  pairs(at(pair, b.result)) += wide(b.byte(r.y, j)) * wide(b.x(0, r.y, j));
  keepInRegisters(pairs.update(), r.x, &r.y, true);
  return sumOfPairs(b, pairs, 0);
}

GroupSize groupSizeFor(const std::string &scheme, bool oneToken, const Target &target) {
  bool quantized = scheme == "q8_0" || scheme == "q4_0";
  if (oneToken)
    return {target.vectorBytes == 64 || !quantized ? 4 : 2, 1};
  if (target.vectorBytes == 64)
    return {quantized ? 1 : 2, 8};
  return {1, 4};
}

Func tileProduct(const KernelSpec &spec, const Target &target, GroupSize size, const TileOperands &operands,
                 const std::vector<Var> &outer) {
  const std::string &scheme = spec.word("scheme");
  bool quantized = scheme == "q8_0" || scheme == "q4_0";
  std::vector<Var> result = {group.lane, group.tile, group.token};
  result.insert(result.end(), outer.begin(), outer.end());
  Func sum("sum");
  sum(result) = 0.0f;

  RDom r(0, int(quantized ? spec.integer("input") / kBlock : spec.integer("input")), "r");
  if (quantized) {
    std::vector<Var> ofBlocks = result;
    ofBlocks.push_back(block);
    Block b{operands, target.family == Family::x86, scheme == "q8_0", ofBlocks, Buffer<uint8_t>(1, "mask")};
    b.mask(0) = 15;
    std::vector<Func> steps;
    if (target.dotProduct8 || !b.x86)
      steps = dotProducts(b);
    else
      steps = b.q8 ? eightBitPairs(b) : fourBitPairs(b);
    std::vector<Expr> place = at(result);
    place.push_back(r);
    Expr scale =
        strict_float(fromStoredHalf(operands.weight(1, {group.lane, r}), target) * operands.scale(r));
    sum(at(result)) += cast<float>(steps[0](place)) * scale;
    for (Func step : steps)
      step.compute_at(sum, r.x);
  } else {
    Expr stored = operands.weight(0, {group.lane, r});
    sum(at(result)) += (scheme == "bf16" ? widenBfloat(stored) : stored) * operands.x(r);
  }

  sum.bound(group.lane, 0, int(kTileRows))
      .bound(group.tile, 0, size.tiles)
      .bound(group.token, 0, size.tokens);
  sum.vectorize(group.lane).unroll(group.tile).unroll(group.token).store_in(MemoryType::Stack);
  sum.update().reorder(group.lane, group.tile, group.token, r).vectorize(group.lane);
  sum.update().unroll(group.tile).unroll(group.token);
  return sum;
}

static bool isQuantized(const KernelSpec &spec) {
  return spec.word("scheme") == "q8_0" || spec.word("scheme") == "q4_0";
}

TokenRows::TokenRows(const KernelSpec &spec, int64_t choices)
    : x(tokensArray("x", isQuantized(spec) ? Int(8) : Float(32), spec.integer("input"), choices)),
      scales(tokensArray("x_scales", Float(32), spec.integer("input") / kBlock, choices)),
      sums(tokensArray("x_sums", Int(32), spec.integer("input") / kBlock, choices)),
      quantized(isQuantized(spec)) {}

std::vector<Argument> TokenRows::arguments() const {
  if (quantized)
    return {x, scales, sums};
  return {x};
}

} // namespace gemmac
