//===- CachedAttention.cpp - attention over what a cache holds ------------------------------------------===//
//
// y[t, h, c] = sum over visible j of p[j] v[j, c],  p = softmax over visible j of scale * sum over c of q[t,
// h, c] k[j, c]
//
// The token stands at last = position + t; visible are the positions max(0, last - window + 1) ... last (from
// 0 without a window); position j is in slot j mod slots, its kv head is h / (heads / kv_heads).
//
// One pass over blocks of positions, cut at absolute multiples of their size, so that the sums are the same
// however the prompt was cut. Weights are e^score / 2^power, where power is at least the logarithm of the
// largest so far: when a block raises it, the sums so far shrink by a power of two, exactly. The state
// (weighted sum of values, sum of weights, power) is kept for every channel: the last two are the same in
// all, but so a channel needs nothing but itself.
//
// Heads of a group read the same keys: two go together where there are two.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

#include <numeric>

namespace gemmac {

using namespace Halide;

static constexpr int kPositions = 64;    // of a block
static constexpr float kLowest = -1e30f; // below every score, and finite: differences of it are numbers
static constexpr int kLowestPower = -100000;

/// 2^power for a power of at most 0; a small number, instead of 0, below -126: it only ever multiplies 0 or
/// what rounds to it.
static Expr powerOfTwo(const Expr &power) {
  return reinterpret<float>((max(power, -126) + 127) << 23);
}

/// e^score / 2^power; the product of the power and ln 2 in two parts, the first exact.
static Expr weightOf(const Expr &score, const Expr &power) {
  Expr p = cast<float>(power);
  return exponential(strict_float((score - p * 0.693359375f) - p * -2.12194440e-4f));
}

KernelCode buildCachedAttention(const KernelSpec &spec, const Target &target) {
  int heads = int(spec.integer("heads")), kvHeads = int(spec.integer("kv_heads")),
      dim = int(spec.integer("dim"));
  int slots = int(spec.integer("slots")), window = int(spec.integer("window"));
  bool half = spec.word("scheme") == "f16";
  Type stored = half ? UInt(16) : Float(32);
  auto number = [&](const Expr &x) { return half ? fromStoredHalf(x, target) : x; };
  ImageParam q = tokensArray("q", Float(32), dim, heads);
  ImageParam keys = denseArray("keys", stored, {slots, kvHeads, dim});
  ImageParam values = denseArray("values", stored, {slots, kvHeads, dim});
  Param<int32_t> position("position");

  // Heads: h is pair * together + one of together; the members of a pair share a kv head.
  int together = heads / kvHeads % 2 ? 1 : 2;
  Var c("c"), h("h"), t("t"), b("b"), j("j"), lane("lane"), member("member"), pair("pair");
  Func out("out");
  out(c, h, t) = undef<float>();
  Expr head = pair * together + member, kvHead = pair * together / (heads / kvHeads);
  Expr last = position + t, first = window ? max(last - (window - 1), 0) : Expr(0);

  // A position that is not visible stands for the last one, whose key and value exist, with weight 0.
  Func slot("slot");
  Expr at = b * kPositions + j;
  Expr visible = at >= first && at <= last;
  slot(j, b, t) = select(visible, at, last) % slots;

  Func products("products"), product("product"), score("score"), largest("largest"), power("power");
  Func weight("weight"), blockSum("block_sum"), mixed("mixed"), state("state");
  int lanes = std::gcd(dim, lanesOf(target));
  RDom i(0, dim / lanes, "i"), l(0, lanes, "l"), all(0, kPositions, "all"), p(0, kPositions, "p");
  products(lane, j, member, b, pair, t) = 0.0f;
  products(lane, j, member, b, pair, t) +=
      q(i * lanes + lane, head, t) * number(keys(i * lanes + lane, kvHead, slot(j, b, t)));
  product(j, member, b, pair, t) = 0.0f;
  product(j, member, b, pair, t) += products(l, j, member, b, pair, t);
  score(j, member, b, pair, t) =
      select(visible, product(j, member, b, pair, t) * float(spec.number("scale")), kLowest);
  largest(member, b, pair, t) = kLowest;
  largest(member, b, pair, t) = max(largest(member, b, pair, t), score(all, member, b, pair, t));
  power(member, b, pair, t) = cast<int32_t>(ceil(largest(member, b, pair, t) * 1.44269504f));
  weight(j, member, b, pair, t) =
      select(visible, weightOf(score(j, member, b, pair, t), power(member, b, pair, t)), 0.0f);
  blockSum(member, b, pair, t) = 0.0f;
  blockSum(member, b, pair, t) += weight(all, member, b, pair, t);
  mixed(c, member, b, pair, t) = 0.0f;
  mixed(c, member, b, pair, t) += weight(p, member, b, pair, t) * number(values(c, kvHead, slot(p, b, t)));

  // From the block of the first position that a token of the call sees to the last one's; each token takes
  // its own.
  Part tokens = partOf(out, 2), someHeads = partOf(out, 1), numbers = partOf(out, 0);
  Expr firstOfAll = window ? max(position + tokens.begin - (window - 1), 0) : Expr(0);
  Expr firstBlock = firstOfAll / kPositions, lastBlock = (position + tokens.end - 1) / kPositions;
  RDom block(firstBlock, lastBlock - firstBlock + 1, "block");
  block.where(block * kPositions <= last && block * kPositions + (kPositions - 1) >= first);
  state(c, member, pair, t) = {0.0f, 0.0f, kLowestPower};
  FuncRef before = state(c, member, pair, t);
  Expr rise = power(member, block, pair, t) - Expr(before[2]);
  Expr old = powerOfTwo(-max(rise, 0)), fresh = powerOfTwo(min(rise, 0));
  state(c, member, pair, t) = {Expr(before[0]) * old + mixed(c, member, block, pair, t) * fresh,
                               Expr(before[1]) * old + blockSum(member, block, pair, t) * fresh,
                               max(Expr(before[2]), power(member, block, pair, t))};

  Expr firstPair = someHeads.begin / together, pairs = (someHeads.end + together - 1) / together - firstPair;
  RDom r(0, dim, 0, together, firstPair, pairs, "r");
  Expr outHead = r.z * together + r.y;
  r.where(r.x >= numbers.begin && r.x < numbers.end && outHead >= someHeads.begin && outHead < someHeads.end);
  out(r.x, outHead, t) = strict_float(state(r.x, r.y, r.z, t)[0] / state(r.x, r.y, r.z, t)[1]);

  RVar outer("r_outer"), inner("r_inner");
  out.update().allow_race_conditions().split(r.x, outer, inner, lanes).vectorize(inner);
  out.update().reorder(inner, outer, r.y, r.z, t);
  state.compute_at(out, r.z).bound(c, 0, dim).bound(member, 0, together).store_in(MemoryType::Stack);
  state.vectorize(c, lanes);
  state.update().reorder(c, member, block, pair, t).vectorize(c, lanes);

  for (Func f : {slot, score, weight})
    f.compute_at(state, block)
        .bound(j, 0, kPositions)
        .store_in(MemoryType::Stack)
        .vectorize(j, lanesOf(target));
  for (Func f : {score, weight, largest, power, blockSum, products, product, mixed})
    f.bound(member, 0, together);
  for (Func f : {largest, power, blockSum})
    f.compute_at(state, block).store_in(MemoryType::Stack);
  for (Func f : {largest, blockSum})
    f.update().reorder(all, member).atomic().vectorize(all, 16);

  // Four keys and two heads at a time; then some registers of channels for two heads, over all keys of the
  // block.
  Var jo("jo"), ji("ji"), co("co"), ci("ci");
  product.compute_at(state, block)
      .bound(j, 0, kPositions)
      .store_in(MemoryType::Stack)
      .vectorize(j, lanesOf(target));
  product.update()
      .split(j, jo, ji, 4)
      .reorder(l, ji, member, jo)
      .atomic()
      .vectorize(l)
      .unroll(ji)
      .unroll(member);
  products.compute_at(product, jo).bound(lane, 0, lanes).store_in(MemoryType::Stack);
  products.vectorize(lane).unroll(j).unroll(member);
  products.update().reorder(lane, j, member, i).vectorize(lane).unroll(j).unroll(member);
  int wide = std::gcd(dim, lanes * 8 / together);
  mixed.compute_at(state, block).bound(c, 0, dim).store_in(MemoryType::Stack).vectorize(c, lanes);
  mixed.update().split(c, co, ci, wide).reorder(ci, member, p, co).vectorize(ci).unroll(member);
  return {{q, keys, values, position}, out, true};
}

} // namespace gemmac
