//===- BlockProducts.cpp - int8 products of a unit of 32 columns ----------------------------------------===//
//
// They use the widest instruction that the machine has:
//   dot products   vpdpbusd, sdot: sum four adjacent columns of a row into one int32 lane. vpdpbusd needs one
//                  unsigned operand: numbers of less than 8 bits are stored with a bias, others become + 128.
//                  The bias times the sum of x is subtracted again, for which x comes with sums of -8 x. ARM
//                  without sdot: smull, sadalp, addp.
//   matrix tiles   tdpbssd, with many tokens: 16 tokens, 16 rows and a group of columns at a time.
//   pairs          vpmaddubsw: the sum of two products of an unsigned and an 8-bit number. Of numbers of up
//                  to 4 bits even 16 products fit int16 (16 * 15 * 127 < 2^15), of 5 bits 8, of 6 bits 4.
//   8-bit pairs    vpmaddwd, both operands as int16. If unpacked: vpmaddubsw of |w| and x with the sign of w.
//
// With many tokens, pairs loop over the fours of a unit: if that loop is unrolled, LLVM schedules all
// products of a token together and spills the weights, which costs a quarter of the speed (Zen 3).

#include "targets/kernels/BlockProducts.h"
#include "contract/KernelTraits.h"

namespace gemmac {

using namespace Halide;

namespace {

const Var unit("block"), pair("pair"), fours("fours");
const GroupVars group;

std::vector<Expr> at(const std::vector<Var> &result) {
  return {result.begin(), result.end()};
}

std::vector<Expr> at(const Expr &first, const std::vector<Var> &result) {
  std::vector<Expr> place = at(result);
  place.insert(place.begin(), first);
  return place;
}

/// What an integer instruction takes of a weight.
enum class Operand {
  stored,    ///< the stored number with its bias, as uint8; as int8 if operands have the same signs
  shifted,   ///< the value + 128, as uint8
  value,     ///< the value, as int8
  magnitudes ///< |w| and the sign of w, unpacked
};

/// A unit of 32 columns of a result's row, in fours of adjacent columns: half * 4 + g, g = 0 … 3.
struct Unit {
  const TileOperands &operands;
  const SchemeRow &scheme;
  Operand operand;
  bool mixedSigns;         ///< the products' operands are unsigned and signed
  std::vector<Var> result; ///< lane, tile, token, outer..., unit
  /// Constant masks in memory, one array for each.
  std::shared_ptr<std::map<int, Buffer<uint8_t>>> masks = std::make_shared<std::map<int, Buffer<uint8_t>>>();

  int groups() const { return int(scheme.groupsOf32()); }
  Expr x(int half, const Expr &g, const Expr &j) const {
    return operands.x(unit * int(kBlock) + int(kBlock) / 2 * half + 4 * g + j);
  }
  /// What the instruction multiplies.
  Expr weight(const Expr &half, const Expr &g, const Expr &j) const {
    if (operands.number)
      return operands.number({j, group.lane, g, half, unit});
    return packed(half, g, j);
  }
  /// The same from the planes.
  Expr packed(const Expr &half, const Expr &g, const Expr &j) const;
  /// What is multiplied with the sum of x and subtracted.
  int bias() const {
    return operand == Operand::stored ? scheme.bias : operand == Operand::shifted ? 128 : 0;
  }
  /// The sum of -8 x of a group.
  Expr sumOf(int g) const {
    Expr all = operands.sum(unit, 0);
    if (groups() == 1)
      return all;
    Expr first = operands.sum(unit, 1);
    return g ? all - first : first;
  }
};

Expr Unit::packed(const Expr &half, const Expr &g, const Expr &j) const {
  StoredPlanes planes;
  planes.bytes = [&](int plane, const Expr &byte) {
    return operands.weight(plane, {j, group.lane, byte, unit});
  };
  // Loaded from memory: for a constant Halide would see that the masked number also fits int8, and select a
  // slower instruction.
  if (mixedSigns)
    planes.mask = [&](int mask) -> Expr {
      auto [entry, isNew] = masks->try_emplace(mask, 1, "mask" + std::to_string(mask));
      entry->second(0) = uint8_t(mask);
      return entry->second(Expr(0));
    };
  Expr number = storedNumber(scheme, planes, half, g);
  switch (operand) {
  case Operand::stored:
    return mixedSigns ? number : cast<int8_t>(number);
  case Operand::shifted:
    return reinterpret<uint8_t>(storedValue(scheme, number)) ^ cast<uint8_t>(128);
  case Operand::value:
  case Operand::magnitudes:
    return storedValue(scheme, number);
  }
  assert(false && "all operands are listed");
  return {};
}

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

/// The initial value of the dot product of a group, which cancels the weights' bias.
Func startDot(const Unit &u, int g) {
  int bias = u.bias();
  if (!bias)
    return start("dot", u.result, Expr(0), {});
  return start("dot", u.result, bias % 8 ? (u.sumOf(g) >> 3) * bias : bias / 8 * u.sumOf(g), {});
}

/// These functions return the Funcs that are computed per unit, the dot products of its groups first.
std::vector<Func> dotProducts(const Unit &u) {
  std::vector<Func> dots;
  for (int g = 0; g < u.groups(); ++g)
    dots.push_back(startDot(u, g));
  RDom r(0, 4, 0, 4, "four");
  for (int half = 0; half < 2; ++half) {
    Func &dot = dots[size_t(half % u.groups())];
    dot(at(u.result)) += cast<int32_t>(u.weight(half, r.y, r.x)) * cast<int32_t>(u.x(half, r.y, r.x));
    int last = dot.num_update_definitions() - 1;
    sumInLanes(dot.update(last), {}, r.x, &r.y);
    dot.update(last).unroll(r.y);
  }
  return dots;
}

/// vpmaddubsw: the sum of the products of two adjacent numbers, pair `pair` of four `fours`.
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

/// Adds both pairs of all fours in `from`, or of its single sum if fours = 0.
void addPairs(Func sum, const std::vector<Var> &vars, Axes axes, Func from, int fours) {
  RDom r(0, 2, 0, std::max(fours, 1), "two_of_groups");
  std::vector<Expr> place = at(r.x, vars);
  if (fours)
    place.push_back(r.y);
  sum(at(vars)) += cast<int32_t>(from(place));
  sumInLanes(sum.update(sum.num_update_definitions() - 1), axes, r.x, &r.y);
  if (fours)
    from.compute_at(sum, r.y);
}

/// Sums of pairs in int16: of some fours of both halves or of one.
Func pairsInHalves(const Unit &u, std::vector<int> halves, int firstFour, int count) {
  std::vector<Var> vars = u.result;
  vars.insert(vars.begin(), pair);
  Axes axes{.pairs = true};
  Func pairs = start("pairs", vars, cast<int16_t>(0), axes);
  RDom g(firstFour, count, "groups");
  Expr sum = pairs(at(vars));
  std::vector<Func> parts;
  for (int half : halves) {
    Func products = pairProducts(
        u.result, {}, [&](const Expr &j) { return u.weight(half, fours, j); },
        [&](const Expr &j) { return u.x(half, fours, j); });
    std::vector<Expr> place = at(vars);
    place.push_back(g);
    sum += products(place);
    parts.push_back(products);
  }
  pairs(at(vars)) = sum;
  pairs.update().reorder(pair, group.lane, group.tile, group.token, g);
  keepInRegisters(pairs.update(), axes);
  // Shifts by constants.
  if (!u.operands.number && u.scheme.numberBits() != 4)
    pairs.update().unroll(g);
  for (Func &products : parts)
    products.compute_at(pairs, g);
  return pairs;
}

std::vector<Func> storedPairs(const Unit &u) {
  int inInt16 = INT16_MAX / (2 * 127 * ((1 << u.scheme.numberBits()) - 1)); // fours whose pairs may be added
  std::vector<Func> dots, steps;
  for (int g = 0; g < u.groups(); ++g)
    dots.push_back(startDot(u, g));
  auto add = [&](int g, const std::vector<int> &halves, int firstFour, int count) {
    Func pairs = pairsInHalves(u, halves, firstFour, count);
    addPairs(dots[size_t(g)], u.result, {}, pairs, 0);
    steps.push_back(pairs);
  };
  if (inInt16 >= 8 && u.groups() == 1)
    add(0, {0, 1}, 0, 4);
  else
    for (int half = 0; half < 2; ++half)
      for (int count = std::min(inInt16, 4), first = 0; first < 4; first += count)
        add(half % u.groups(), {half}, first, count);
  dots.insert(dots.end(), steps.begin(), steps.end());
  return dots;
}

std::vector<Func> widenedPairs(const Unit &u) {
  std::vector<Var> vars = u.result;
  vars.insert(vars.begin(), pair);
  Func pairs = start("pairs", vars, Expr(0), {.pairs = true});
  auto wide = [](const Expr &number) { return cast<int32_t>(cast<int16_t>(number)); };
  RDom r(0, 2, 0, 4, "two_of_four");
  Expr j = 2 * pair + r.x;
  for (int half = 0; half < 2; ++half) {
    pairs(at(vars)) += wide(u.weight(half, r.y, j)) * wide(u.x(half, r.y, j));
    sumInLanes(pairs.update(half), {.pairs = true}, r.x, &r.y);
    pairs.update(half).unroll(r.y);
  }
  Func dot = startDot(u, 0);
  addPairs(dot, u.result, {}, pairs, 0);
  return {dot, pairs};
}

/// Flips the bits of x where w is negative. ~x is -x - 1, so the sum of these |w| must be subtracted, the
/// same for all tokens. No pair overflows int16: 128 * 128 * 2 only occurs with a negative sign.
std::vector<Func> magnitudePairs(const Unit &u) {
  auto place = [&](const Expr &j) -> std::vector<Expr> { return {j, group.lane, fours, unit}; };
  Func dot = start("dot", u.result, -u.operands.missing(unit), {});
  Func products = pairProducts(
      u.result, {}, [&](const Expr &j) { return u.operands.magnitude(place(j)); },
      [&](const Expr &j) { return u.x(0, fours, j) ^ u.operands.flips(place(j)); });
  addPairs(dot, u.result, {}, products, int(kBlock / 4));
  return {dot};
}

/// tdpbssd: 16 tokens by 32 columns times 32 columns by 16 rows, in the order in which the instruction reads
/// them; a group of 16 columns has zeros in the place of the other. Sums are stored to memory before they are
/// scaled: tile registers have no other operation.
std::vector<Func> matrixTiles(const Unit &u) {
  std::vector<Func> all;
  for (int g = 0; g < u.groups(); ++g) {
    Func dot("dot");
    dot(u.result) = 0;
    RDom k(0, int(kBlock), "k");
    dot(at(u.result)) +=
        cast<int32_t>(u.operands.x(unit * int(kBlock) + k)) *
        cast<int32_t>(u.operands.four(g, {k % 4, group.lane, unit * int(kBlock / 4) + k / 4}));
    Func stored = dot.in();
    dot.compute_at(stored, unit).store_in(MemoryType::AMXTile).vectorize(group.lane).vectorize(group.token);
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
    all.push_back(stored);
  }
  return all;
}

Operand operandOf(const SchemeRow &scheme, const Target &target, bool matrixTiles, bool unpacked) {
  if (matrixTiles)
    return Operand::value;
  if (scheme.bits < 8 && !scheme.values)
    return Operand::stored;
  if (!target.mixedSigns8)
    return Operand::value;
  if (target.dotProduct8)
    return Operand::shifted;
  return unpacked ? Operand::magnitudes : Operand::value;
}

} // namespace

std::vector<Func> unpackTile(const KernelSpec &spec, const Target &target, GroupSize size,
                             TileOperands &operands, const std::vector<Var> &outer) {
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
  bool matrixTiles = spec.schedule.matrixTiles != 0;
  const SchemeRow &scheme = rowOf(spec.scheme());
  Unit packed{operands, scheme, operandOf(scheme, target, matrixTiles, true), target.mixedSigns8, {}};
  if (matrixTiles) {
    // Units' fours in one row.
    Expr number = substitute({{unit.name(), fours / 8}}, packed.packed(fours / 4 % 2, fours % 4, j));
    std::vector<std::function<Expr(std::vector<Expr>)>> ofGroups;
    for (int g = 0; g < packed.groups(); ++g) {
      Expr ofGroup = packed.groups() == 1 ? number : select(fours / 4 % 2 == g, number, cast<int8_t>(0));
      ofGroups.push_back(add("number", {j, group.lane, fours}, ofGroup));
      parts.back().bound(fours, 0, int(spec.integer("input") / 4)).unroll(fours, 8);
    }
    operands.four = [=](int g, std::vector<Expr> place) -> Expr { return ofGroups[size_t(g)](place); };
  } else if (packed.operand != Operand::magnitudes) {
    operands.number = add("number", {j, group.lane, g, half, unit}, packed.packed(half, g, j));
    parts[0].bound(g, 0, 4).bound(half, 0, 2).unroll(half);
    if (scheme.numberBits() != 4)
      parts[0].unroll(g);
  } else {
    Expr value = packed.packed(fours / 4, fours % 4, j);
    Func values("value");
    if (scheme.values) { // looked up once for both
      add("value", {j, group.lane, fours, unit}, value);
      std::vector<Expr> place = {j, group.lane, fours, unit};
      place.insert(place.end(), tiles.begin(), tiles.end());
      value = parts[0](place);
    }
    Expr flips = select(value < cast<int8_t>(0), cast<int8_t>(-1), cast<int8_t>(0));
    operands.magnitude = add("magnitude", {j, group.lane, fours, unit}, abs(value));
    operands.flips = add("flips", {j, group.lane, fours, unit}, flips);
    for (Func part : parts)
      part.bound(fours, 0, 8);
    Axes ofWeights{.tokens = false};
    std::vector<Var> vars = tiles;
    vars.insert(vars.begin(), group.lane);
    vars.push_back(unit);
    Func missing = start("missing", vars, Expr(0), ofWeights);
    auto place = [&](const Expr &j) -> std::vector<Expr> { return {j, group.lane, fours, unit}; };
    Func negative = pairProducts(
        vars, ofWeights, [&](const Expr &j) { return operands.magnitude(place(j)); },
        [&](const Expr &j) { return operands.flips(place(j)); });
    addPairs(missing, vars, ofWeights, negative, 8);
    operands.missing = [=](const Expr &u) -> Expr {
      std::vector<Expr> result = at(vars);
      result.back() = u;
      return missing(result);
    };
    parts.push_back(missing);
  }
  for (Func part : parts) {
    part.bound(group.lane, 0, int(kTileRows)).bound(group.tile, 0, size.tiles).store_in(kLargeStack);
    if (!matrixTiles)
      part.bound(unit, 0, int(spec.integer("input") / kBlock));
  }
  return parts;
}

std::vector<Func> unitProducts(const KernelSpec &spec, const Target &target, const TileOperands &operands,
                               std::vector<Var> result) {
  const SchemeRow &scheme = rowOf(spec.scheme());
  result.push_back(unit);
  bool matrix = bool(operands.four), unpacked = operands.number || operands.magnitude;
  Unit u{operands, scheme, operandOf(scheme, target, matrix, unpacked), target.mixedSigns8, result};
  if (matrix)
    return matrixTiles(u);
  if (target.dotProduct8 || !target.mixedSigns8)
    return dotProducts(u);
  switch (u.operand) {
  case Operand::stored:
    return storedPairs(u);
  case Operand::magnitudes:
    return magnitudePairs(u);
  case Operand::value:
  case Operand::shifted:
    return widenedPairs(u);
  }
  assert(false && "all operands are listed");
  return {};
}

} // namespace gemmac
