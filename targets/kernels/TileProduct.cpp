//===- TileProduct.cpp - sums of products for tiles of 16 rows ------------------------------------------===//

#include "targets/kernels/TileProduct.h"
#include "contract/KernelTraits.h"

namespace gemmac {

using namespace Halide;

namespace {

const GroupVars group;

/// Accumulators of a group in registers, in a loop over r.
void scheduleSum(Func sum, const RDom &r, GroupSize size) {
  sum.bound(group.lane, 0, int(kTileRows))
      .bound(group.tile, 0, size.tiles)
      .bound(group.token, 0, size.tokens);
  sum.vectorize(group.lane).unroll(group.tile).unroll(group.token).store_in(MemoryType::Stack);
  for (int i = 0; i < sum.num_update_definitions(); ++i) {
    sum.update(i).reorder(group.lane, group.tile, group.token, r).vectorize(group.lane);
    sum.update(i).unroll(group.tile).unroll(group.token);
  }
}

/// The factors of a weight's units, as float32.
class UnitFactors {
public:
  UnitFactors(const SchemeRow &scheme, const Target &target, const TileOperands &operands)
      : scheme(scheme), target(target), operands(operands), order(planeOrder(scheme)) {}

  /// Of the stored block that the unit is in.
  Expr scale(const Expr &unit) const { return half(unit, 0); }
  /// Of group g, exact: the scale times the group's factor.
  Expr step(const Expr &unit, int g) const { return product(scale(unit), unit, g); }
  Expr factor(const Expr &unit, int g) const {
    return cast<float>(operands.weight(order.factors, {group.lane, g, unit}));
  }
  /// What is added to all numbers of group g, exact.
  Expr offset(const Expr &unit, int g) const {
    return product(half(unit, 1), unit, int(scheme.groupsOf32()) + g);
  }

private:
  Expr half(const Expr &unit, int which) const {
    Expr block = unit / int(scheme.block / kBlock);
    if (scheme.hasMinimum)
      return fromStoredHalf(operands.weight(order.scales, {group.lane, which, block}), target);
    return fromStoredHalf(operands.weight(order.scales, {group.lane, block}), target);
  }
  Expr product(const Expr &ofBlock, const Expr &unit, int which) const {
    return scheme.hasFactors() ? ofBlock * factor(unit, which) : ofBlock;
  }

  const SchemeRow &scheme;
  const Target &target;
  const TileOperands &operands;
  PlaneOrder order;
};

/// One factor of what each group's offset adds to a sum, and the other: the sum of x.
struct OffsetTerm {
  Expr offset, sumOfX;
};

std::vector<OffsetTerm> offsetTerms(const SchemeRow &scheme, const UnitFactors &factors,
                                    const TileOperands &operands, const Expr &unit) {
  if (scheme.groupsOf32() == 1)
    return {{strict_float(factors.offset(unit, 0)), operands.scale(unit, 1)}};
  Expr first = operands.sum(unit, 1);
  std::vector<OffsetTerm> terms;
  for (int g = 0; g < 2; ++g) {
    Expr sumOfX = -((g ? operands.sum(unit, 0) - first : first) >> 3);
    terms.push_back(
        {strict_float(factors.offset(unit, g)), strict_float(operands.scale(unit, 0) * cast<float>(sumOfX))});
  }
  return terms;
}

/// Sums over units, and how they are scheduled.
class UnitSums {
public:
  UnitSums(const KernelSpec &spec, const Target &target, GroupSize size, const TileOperands &operands,
           const std::vector<Var> &outer)
      : scheme(rowOf(spec.scheme())), size(size), operands(operands), factors(scheme, target, operands),
        units(int(spec.integer("input") / kBlock)), result({group.lane, group.tile, group.token}) {
    result.insert(result.end(), outer.begin(), outer.end());
    place.assign(result.begin(), result.end());
    steps = unitProducts(spec, target, operands, result);
  }

  TileSum sums() {
    // One token: all sums go through a matrix together, as it comes from memory. Many tokens: the registers
    // are for the products, and offsets are a small matrix of their own.
    if (size.tokens == 1)
      return {{sumOf(true, scheme.hasMinimum)}};
    TileSum all{{sumOf(true, false)}};
    if (scheme.hasMinimum)
      all.parts.push_back(sumOf(false, true));
    return all;
  }

private:
  /// The product of a unit as two factors.
  std::pair<Expr, Expr> product(const Expr &unit) const {
    std::vector<Expr> inUnit = place;
    inUnit.push_back(unit);
    auto dot = [&](int g) { return cast<float>(steps[size_t(g)](inUnit)); };
    Expr scaleOfX = operands.scale(unit, 0);
    if (scheme.groupsOf32() == 1)
      return {dot(0), strict_float(factors.step(unit, 0) * scaleOfX)};
    // Exact: |factors| are at most 2^7 and |dots| at most 2^16.
    Expr both = dot(0) * factors.factor(unit, 0) + dot(1) * factors.factor(unit, 1);
    return {strict_float(both), strict_float(factors.scale(unit) * scaleOfX)};
  }

  /// A sum for the products and one for the offsets of each group, as a tuple.
  Func sumOf(bool products, bool offsets) {
    RDom r(0, units, products ? "r" : "offsets_r");
    Func sum(products ? "sum" : "offsets");
    std::vector<std::pair<Expr, Expr>> terms;
    if (products)
      terms.push_back(product(r));
    if (offsets)
      for (const OffsetTerm &term : offsetTerms(scheme, factors, operands, r))
        terms.emplace_back(term.offset, term.sumOfX);
    std::vector<Expr> zeros(terms.size(), 0.0f), sums;
    define(sum(result), zeros);
    for (size_t i = 0; i < terms.size(); ++i) {
      Expr before = terms.size() > 1 ? Expr(sum(place)[int(i)]) : Expr(sum(place));
      sums.push_back(before + terms[i].first * terms[i].second);
    }
    define(sum(place), sums);
    scheduleSum(sum, r, size);
    // One tile after the other where its numbers come from two planes: the bytes of several would fill all
    // registers.
    bool tileByTile = size.tokens == 1 && scheme.highBits;
    for (size_t i = 0; products && i < steps.size(); ++i)
      tileByTile ? steps[i].compute_at(sum, group.tile) : steps[i].compute_at(sum, r.x);
    return sum;
  }

  static void define(FuncRef place, const std::vector<Expr> &values) {
    if (values.size() > 1)
      place = Tuple(values);
    else
      place = values[0];
  }

  const SchemeRow &scheme;
  GroupSize size;
  const TileOperands &operands;
  UnitFactors factors;
  int units;
  std::vector<Var> result;
  std::vector<Expr> place;
  std::vector<Func> steps;
};

} // namespace

Expr TileSum::operator()(const std::vector<Expr> &place) const {
  Expr sum;
  for (const Func &part : parts)
    for (int i = 0; i < part.outputs(); ++i) {
      Expr term = part.outputs() > 1 ? Expr(part(place)[i]) : Expr(part(place));
      sum = sum.defined() ? strict_float(sum + term) : term;
    }
  return sum;
}

TileSum tileProduct(const KernelSpec &spec, const Target &target, GroupSize size,
                    const TileOperands &operands, const std::vector<Var> &outer) {
  Scheme scheme = spec.scheme();
  if (isQuantized(scheme))
    return UnitSums(spec, target, size, operands, outer).sums();
  std::vector<Var> result = {group.lane, group.tile, group.token};
  result.insert(result.end(), outer.begin(), outer.end());
  Func sum("sum");
  sum(result) = 0.0f;
  RDom r(0, int(spec.integer("input")), "r");
  Expr stored = operands.weight(0, {group.lane, r});
  sum(std::vector<Expr>(result.begin(), result.end())) +=
      (scheme == Scheme::bf16 ? widenBfloat(stored) : stored) * operands.x(r);
  scheduleSum(sum, r, size);
  return {{sum}};
}

TokenRows::TokenRows(const KernelSpec &spec, int64_t choices)
    : x(tokensArray("x", isQuantized(spec.scheme()) ? Int(8) : Float(32), spec.integer("input"), choices)),
      scales(tokensArray("x_scales", Float(32), spec.integer("input") / kBlock * 2, choices)),
      sums(tokensArray("x_sums", Int(32), spec.integer("input") / kBlock * 2, choices)),
      quantized(isQuantized(spec.scheme())) {}

std::vector<Argument> TokenRows::arguments() const {
  if (quantized)
    return {x, scales, sums};
  return {x};
}

} // namespace gemmac
