//===- TileProduct.cpp - sums of products for tiles of 16 rows ------------------------------------------===//
//
// The int8 products of a block use the widest instruction that the machine has:
//   dot products   vpdpbusd, sdot: sum four adjacent columns of a row into one int32 lane. vpdpbusd needs one
//                  unsigned operand: 4-bit numbers are stored + 8, 8-bit ones become + 128. The bias times
//                  the sum of x is subtracted again, for which x comes with sums of -8 x. ARM without sdot:
//                  smull, sadalp, addp.
//   matrix tiles   tdpbssd, with many tokens: 16 tokens, 16 rows and a block of columns at a time.
//   4-bit pairs    vpmaddubsw: the sum of two products of a 4-bit and an 8-bit number, and even of 16,
//                  fits int16 (16 * 15 * 127 < 2^15).
//   8-bit pairs    vpmaddwd, both operands as int16. If unpacked: vpmaddubsw of |w| and x with the sign of w.
//
// With many tokens, pairs loop over the groups of a block: if that loop is unrolled, LLVM schedules all
// products of a token together and spills the weights, which costs a quarter of the speed (Zen 3).

#include "targets/kernels/TileProduct.h"
#include "contract/KernelTraits.h"

namespace gemmac {

using namespace Halide;

namespace {

const Var block("block"), pair("pair"), fours("fours");
const GroupVars group;

std::vector<Expr> at(const std::vector<Var> &result) {
  return {result.begin(), result.end()};
}

std::vector<Expr> at(const Expr &first, const std::vector<Var> &result) {
  std::vector<Expr> place = at(result);
  place.insert(place.begin(), first);
  return place;
}

/// A block of 32 columns of a result's row, in groups of four adjacent columns; a byte of q4_0 holds a number
/// of each half-block.
struct Block {
  const TileOperands &operands;
  bool mixedSigns; ///< the products' operands are unsigned and signed
  const SchemeRow &scheme;
  std::vector<Var> result; ///< lane, tile, token, outer..., block
  /// 15, loaded from memory: for a constant Halide would see that the masked number also fits int8, and
  /// select a slower instruction.
  Buffer<uint8_t> mask;

  /// Does a byte hold two numbers, each + 8?
  bool nibbles() const { return scheme.numberBytes < scheme.block; }
  int groups() const { return int(scheme.numberBytes / 4); }
  int halves() const { return nibbles() ? 2 : 1; }
  Expr x(int half, const Expr &g, const Expr &j) const {
    return operands.x(block * int(kBlock) + int(kBlock) / 2 * half + 4 * g + j);
  }
  Expr byte(const Expr &g, const Expr &j) const { return operands.weight(0, {j, group.lane, g, block}); }

  /// A 4-bit number + 8, as uint8.
  Expr nibble(int half, const Expr &g, const Expr &j) const {
    if (operands.nibble)
      return operands.nibble({j, group.lane, g, half, block});
    Expr shifted = half ? byte(g, j) >> cast<uint8_t>(4) : byte(g, j);
    if (!mixedSigns)
      return half ? shifted : shifted & cast<uint8_t>(15);
    return shifted & mask(Expr(0));
  }
};

/// Optional Vars of a Func, besides lane, tile and the outer ones.
struct Axes {
  bool pairs = false, tokens = true;
};

/// Vectorizes lanes and unrolls all other axes of the group.
void keepInRegisters(Stage stage, Axes axes) {
  if (axes.pairs)
    stage.vectorize(pair);
  stage.vectorize(group.lane).unroll(group.tile);
  if (axes.tokens)
    stage.unroll(group.token);
}

/// Schedules an update that sums the `summed` numbers into one lane.
void sumInLanes(Stage stage, Axes axes, const RVar &summed, const RVar *groups = nullptr) {
  std::vector<VarOrRVar> order = {summed};
  if (axes.pairs)
    order.push_back(pair);
  order.insert(order.end(), {group.lane, group.tile});
  if (axes.tokens)
    order.push_back(group.token);
  if (groups)
    order.push_back(*groups);
  // Halide cannot prove that saturating sums may be reordered; these never saturate.
  stage.reorder(order).atomic(true).vectorize(summed);
  keepInRegisters(stage, axes);
}

/// A Func of accumulators with this initial value.
Func start(const char *name, const std::vector<Var> &vars, const Expr &value, Axes axes) {
  Func f(name);
  f(vars) = value;
  if (axes.pairs)
    f.bound(pair, 0, 2);
  keepInRegisters(f, axes);
  f.store_in(MemoryType::Stack);
  return f;
}

/// The initial value of the dot product, which cancels the weights' bias, given in eights.
Func startDot(const Block &b, int eights) {
  return start("dot", b.result, eights ? eights * b.operands.sum(block) : Expr(0), {});
}

/// These functions return the Funcs that are computed per block, the dot product first.
std::vector<Func> dotProducts(const Block &b) {
  Func dot = startDot(b, b.nibbles() ? 1 : b.mixedSigns ? 16 : 0);
  RDom r(0, 4, 0, b.groups(), "four");
  for (int half = 0; half < b.halves(); ++half) {
    Expr weight = b.nibbles() ? b.nibble(half, r.y, r.x) : b.byte(r.y, r.x);
    if (b.mixedSigns && !b.nibbles())
      weight = reinterpret<uint8_t>(weight) ^ cast<uint8_t>(128);
    if (!b.mixedSigns)
      weight = cast<int8_t>(weight);
    dot(at(b.result)) += cast<int32_t>(weight) * cast<int32_t>(b.x(half, r.y, r.x));
    sumInLanes(dot.update(half), {}, r.x, &r.y);
    dot.update(half).unroll(r.y);
  }
  return {dot};
}

/// vpmaddubsw: the sum of the products of two adjacent numbers, pair `pair` of group `fours`.
Func pairProducts(std::vector<Var> vars, Axes axes, const std::function<Expr(Expr)> &weight,
                  const std::function<Expr(Expr)> &x) {
  vars.insert(vars.begin(), pair);
  vars.push_back(fours);
  axes.pairs = true;
  Func products = start("products", vars, cast<int16_t>(0), axes);
  RDom two(0, 2, "two");
  Expr j = 2 * pair + two;
  products(at(vars)) = saturating_add(products(at(vars)), widening_mul(weight(j), x(j)));
  sumInLanes(products.update(), axes, two);
  return products;
}

/// Adds both pairs of all groups in `from`, or of its single sum if groups = 0.
void addPairs(Func sum, const std::vector<Var> &vars, Axes axes, Func from, int groups) {
  RDom r(0, 2, 0, std::max(groups, 1), "two_of_groups");
  std::vector<Expr> place = at(r.x, vars);
  if (groups)
    place.push_back(r.y);
  sum(at(vars)) += cast<int32_t>(from(place));
  sumInLanes(sum.update(), axes, r.x, &r.y);
  if (groups)
    from.compute_at(sum, r.y);
}

std::vector<Func> fourBitPairs(const Block &b) {
  std::vector<Var> vars = b.result;
  vars.insert(vars.begin(), pair);
  Axes axes{.pairs = true};
  Func pairs = start("pairs", vars, cast<int16_t>(0), axes);
  RDom g(0, b.groups(), "groups");
  Expr sum = pairs(at(vars));
  std::vector<Func> halves;
  for (int half = 0; half < b.halves(); ++half) {
    Func products = pairProducts(
        b.result, {}, [&](const Expr &j) { return b.nibble(half, fours, j); },
        [&](const Expr &j) { return b.x(half, fours, j); });
    std::vector<Expr> place = at(vars);
    place.push_back(g);
    sum += products(place);
    halves.push_back(products);
  }
  pairs(at(vars)) = sum;
  pairs.update().reorder(pair, group.lane, group.tile, group.token, g);
  keepInRegisters(pairs.update(), axes);
  for (Func &products : halves)
    products.compute_at(pairs, g);
  Func dot = startDot(b, 1);
  addPairs(dot, b.result, {}, pairs, 0);
  return {dot, pairs};
}

std::vector<Func> widenedPairs(const Block &b) {
  std::vector<Var> vars = b.result;
  vars.insert(vars.begin(), pair);
  Func pairs = start("pairs", vars, Expr(0), {.pairs = true});
  RDom r(0, 2, 0, b.groups(), "two_of_four");
  Expr j = 2 * pair + r.x;
  auto wide = [](const Expr &number) { return cast<int32_t>(cast<int16_t>(number)); };
  pairs(at(vars)) += wide(b.byte(r.y, j)) * wide(b.x(0, r.y, j));
  sumInLanes(pairs.update(), {.pairs = true}, r.x, &r.y);
  pairs.update().unroll(r.y);
  Func dot = startDot(b, 0);
  addPairs(dot, b.result, {}, pairs, 0);
  return {dot, pairs};
}

/// Flips the bits of x where w is negative. ~x is -x - 1, so the sum of these |w| must be subtracted, the
/// same for all tokens. No pair overflows int16: 128 * 128 * 2 only occurs with a negative sign.
std::vector<Func> magnitudePairs(const Block &b) {
  auto place = [&](const Expr &j) -> std::vector<Expr> { return {j, group.lane, fours, block}; };
  Func dot = start("dot", b.result, -b.operands.missing(block), {});
  Func products = pairProducts(
      b.result, {}, [&](const Expr &j) { return b.operands.magnitude(place(j)); },
      [&](const Expr &j) { return b.x(0, fours, j) ^ b.operands.flips(place(j)); });
  addPairs(dot, b.result, {}, products, b.groups());
  return {dot};
}

/// tdpbssd: 16 tokens by 32 columns times 32 columns by 16 rows, in the order in which the instruction reads
/// them. Sums are stored to memory before they are scaled: tile registers have no other operation.
std::vector<Func> matrixTiles(const Block &b) {
  Func dot("dot");
  dot(b.result) = 0;
  RDom k(0, int(kBlock), "k");
  dot(at(b.result)) += cast<int32_t>(b.operands.x(block * int(kBlock) + k)) *
                       cast<int32_t>(b.operands.four({k % 4, group.lane, block * int(kBlock / 4) + k / 4}));
  Func stored = dot.in();
  dot.compute_at(stored, block).store_in(MemoryType::AMXTile).vectorize(group.lane).vectorize(group.token);
  dot.update()
      .reorder(k, group.lane, group.token)
      .atomic()
      .vectorize(k)
      .vectorize(group.lane)
      .vectorize(group.token);
  // Rows are padded, because Halide does not match a tile in a dense array.
  stored.align_storage(group.lane, 2 * int(kTileRows))
      .bound(group.lane, 0, int(kTileRows))
      .bound(group.token, 0, kTileTokens)
      .store_in(MemoryType::Stack)
      .vectorize(group.lane)
      .vectorize(group.token);
  return {stored};
}

} // namespace

std::vector<Func> unpackTile(const KernelSpec &spec, GroupSize size, TileOperands &operands,
                             const std::vector<Var> &outer) {
  Var j("j"), g("g"), half("half");
  std::vector<Var> tiles = outer;
  tiles.insert(tiles.begin(), group.tile);
  auto inTile = [&](std::vector<Var> vars) {
    vars.insert(vars.end(), tiles.begin(), tiles.end());
    return vars;
  };
  std::vector<Func> parts;
  auto add = [&](const char *name, const std::vector<Var> &vars, const Expr &value) {
    Func part(name);
    part(inTile(vars)) = value;
    part.bound(j, 0, 4).vectorize(j).vectorize(group.lane);
    parts.push_back(part);
    return [=](std::vector<Expr> place) -> Expr {
      place.insert(place.end(), tiles.begin(), tiles.end());
      return part(place);
    };
  };
  Expr byte = operands.weight(0, {j, group.lane, g, block});
  bool matrixTiles = spec.schedule.matrixTiles != 0;
  if (matrixTiles) {
    Expr half = fours / 4 % 2, packed = operands.weight(0, {j, group.lane, fours % 4, fours / 8});
    Expr nibble = (packed >> cast<uint8_t>(4 * half)) & cast<uint8_t>(15);
    operands.four = add("number", {j, group.lane, fours}, cast<int8_t>(nibble) - cast<int8_t>(8));
    parts[0].bound(fours, 0, int(spec.integer("input") / 4)).unroll(fours, 8);
  } else if (rowOf(spec.scheme()).bias) {
    Expr nibble = (byte >> cast<uint8_t>(4 * half)) & cast<uint8_t>(15);
    operands.nibble = add("nibble", {j, group.lane, g, half, block}, nibble);
    parts[0].bound(g, 0, 4).bound(half, 0, 2).unroll(half);
  } else {
    Expr flips = select(byte < cast<int8_t>(0), cast<int8_t>(-1), cast<int8_t>(0));
    operands.magnitude = add("magnitude", {j, group.lane, g, block}, abs(byte));
    operands.flips = add("flips", {j, group.lane, g, block}, flips);
    for (Func part : parts)
      part.bound(g, 0, 8);
    Axes ofWeights{.tokens = false};
    std::vector<Var> vars = tiles;
    vars.insert(vars.begin(), group.lane);
    vars.push_back(block);
    Func missing = start("missing", vars, Expr(0), ofWeights);
    auto place = [&](const Expr &j) -> std::vector<Expr> { return {j, group.lane, fours, block}; };
    Func negative = pairProducts(
        vars, ofWeights, [&](const Expr &j) { return operands.magnitude(place(j)); },
        [&](const Expr &j) { return operands.flips(place(j)); });
    addPairs(missing, vars, ofWeights, negative, 8);
    operands.missing = [=](const Expr &b) -> Expr {
      std::vector<Expr> result = at(vars);
      result.back() = b;
      return missing(result);
    };
    parts.push_back(missing);
  }
  for (Func part : parts) {
    part.bound(group.lane, 0, int(kTileRows)).bound(group.tile, 0, size.tiles).store_in(kLargeStack);
    if (!matrixTiles)
      part.bound(block, 0, int(spec.integer("input") / kBlock));
  }
  return parts;
}

Func tileProduct(const KernelSpec &spec, const Target &target, GroupSize size, const TileOperands &operands,
                 const std::vector<Var> &outer) {
  Scheme scheme = spec.scheme();
  bool quantized = isQuantized(scheme);
  std::vector<Var> result = {group.lane, group.tile, group.token};
  result.insert(result.end(), outer.begin(), outer.end());
  Func sum("sum");
  sum(result) = 0.0f;

  RDom r(0, int(quantized ? spec.integer("input") / kBlock : spec.integer("input")), "r");
  if (quantized) {
    std::vector<Var> ofBlocks = result;
    ofBlocks.push_back(block);
    Block b{operands, target.mixedSigns8, rowOf(scheme), ofBlocks, Buffer<uint8_t>(1, "mask")};
    b.mask(0) = 15;
    std::vector<Func> steps;
    if (operands.four)
      steps = matrixTiles(b);
    else if (target.dotProduct8 || !b.mixedSigns)
      steps = dotProducts(b);
    else
      steps = b.nibbles() ? fourBitPairs(b) : operands.magnitude ? magnitudePairs(b) : widenedPairs(b);
    std::vector<Expr> place = at(result);
    place.push_back(r);
    Expr scale =
        strict_float(fromStoredHalf(operands.weight(1, {group.lane, r}), target) * operands.scale(r));
    sum(at(result)) += cast<float>(steps[0](place)) * scale;
    for (Func step : steps)
      step.compute_at(sum, r.x);
  } else {
    Expr stored = operands.weight(0, {group.lane, r});
    sum(at(result)) += (scheme == Scheme::bf16 ? widenBfloat(stored) : stored) * operands.x(r);
  }

  sum.bound(group.lane, 0, int(kTileRows))
      .bound(group.tile, 0, size.tiles)
      .bound(group.token, 0, size.tokens);
  sum.vectorize(group.lane).unroll(group.tile).unroll(group.token).store_in(MemoryType::Stack);
  sum.update().reorder(group.lane, group.tile, group.token, r).vectorize(group.lane);
  sum.update().unroll(group.tile).unroll(group.token);
  return sum;
}

TokenRows::TokenRows(const KernelSpec &spec, int64_t choices)
    : x(tokensArray("x", isQuantized(spec.scheme()) ? Int(8) : Float(32), spec.integer("input"), choices)),
      scales(tokensArray("x_scales", Float(32), spec.integer("input") / kBlock, choices)),
      sums(tokensArray("x_sums", Int(32), spec.integer("input") / kBlock, choices)),
      quantized(isQuantized(spec.scheme())) {}

std::vector<Argument> TokenRows::arguments() const {
  if (quantized)
    return {x, scales, sums};
  return {x};
}

} // namespace gemmac
