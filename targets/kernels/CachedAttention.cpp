//===- CachedAttention.cpp - attention over what a cache holds
//----------------------------------------------===//
//
// y[t, h, c] = sum over visible j of p[j] v[j, c],  p = softmax over visible j of scale * sum over c of q[t,
// h, c] k[j, c]
//
// The token stands at p = position + t; visible are the positions max(0, p - window + 1) ... p (from 0
// without a window); position j is in slot j mod slots, in kv head h / (heads / kv_heads).
//
// One pass over blocks of 32 positions, cut at absolute multiples of 32, so that the sums are the same
// however the prompt was cut. Running state: the largest score, the sum of e^(score - largest) and the
// weighted sum of values; when a block raises the largest score, the sums so far shrink. The state is kept
// for every channel: largest and sum are the same in all of them, but a channel then needs nothing but
// itself.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

static constexpr int kPositions = 32;    // of a block
static constexpr float kLowest = -1e30f; // below every score, and finite: differences of it are numbers

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

  Var c("c"), h("h"), t("t"), b("b"), j("j"), lane("lane");
  Func out("out"), state("state");
  out(c, h, t) = undef<float>();
  Part tokens = partOf(out, 2);
  Expr last = position + t, first = window ? max(last - (window - 1), 0) : Expr(0);

  // A position that is not visible stands for the last one, whose key and value exist, with weight 0.
  Func slot("slot");
  Expr at = b * kPositions + j;
  Expr visible = at >= first && at <= last;
  slot(j, b, t) = select(visible, at, last) % slots;

  Func products("products"), score("score"), largest("largest"), weight("weight"), blockSum("block_sum"),
      mixed("mixed");
  int lanes = partialSums(dim);
  RDom i(0, dim / lanes, "i");
  Expr head = h / (heads / kvHeads);
  products(lane, j, b, h, t) = 0.0f;
  products(lane, j, b, h, t) +=
      q(i * lanes + lane, h, t) * number(keys(i * lanes + lane, head, slot(j, b, t)));
  Expr product = sumOfLanes([&](int l) { return products(l, j, b, h, t); }, lanes);
  score(j, b, h, t) = select(visible, product * float(spec.number("scale")), kLowest);

  auto overBlock = [&](Func f, Expr (*join)(Expr, Expr)) {
    std::vector<Expr> parts;
    for (int p = 0; p < kPositions; ++p)
      parts.push_back(f(p, b, h, t));
    for (int half = kPositions / 2; half; half /= 2)
      for (int p = 0; p < half; ++p)
        parts[p] = join(parts[p], parts[p + half]);
    return parts[0];
  };
  largest(b, h, t) = overBlock(score, [](Expr x, Expr y) { return max(x, y); });
  weight(j, b, h, t) = select(visible, exponential(strict_float(score(j, b, h, t) - largest(b, h, t))), 0.0f);
  blockSum(b, h, t) = strict_float(overBlock(weight, [](Expr x, Expr y) { return x + y; }));
  RDom p(0, kPositions, "p");
  mixed(c, b, h, t) = 0.0f;
  mixed(c, b, h, t) += weight(p, b, h, t) * number(values(c, head, slot(p, b, t)));

  // Blocks of the call's first token's first position to its last token's last; each token takes its own.
  Expr firstOfAll = window ? max(position + tokens.begin - (window - 1), 0) : Expr(0);
  Expr firstBlock = firstOfAll / kPositions, lastBlock = (position + tokens.end - 1) / kPositions;
  RDom block(firstBlock, lastBlock - firstBlock + 1, "block");
  block.where(block * kPositions <= last && block * kPositions + (kPositions - 1) >= first);
  state(c, h, t) = {0.0f, 0.0f, kLowest};
  Expr rise = largest(block, h, t) - state(c, h, t)[2];
  Expr shrink = exponential(-abs(rise));
  Expr old = select(rise > 0.0f, shrink, 1.0f), fresh = select(rise > 0.0f, 1.0f, shrink);
  state(c, h, t) = {strict_float(state(c, h, t)[0] * old + mixed(c, block, h, t) * fresh),
                    strict_float(state(c, h, t)[1] * old + blockSum(block, h, t) * fresh),
                    max(state(c, h, t)[2], largest(block, h, t))};

  Part numbers = partOf(out, 0);
  RDom r(0, dim, "r");
  r.where(r >= numbers.begin && r < numbers.end);
  out(r, h, t) = strict_float(state(r, h, t)[0] / state(r, h, t)[1]);

  int vector = int(std::gcd(dim, lanesOf(target)));
  RVar outer("r_outer"), inner("r_inner");
  out.update()
      .allow_race_conditions()
      .split(r, outer, inner, vector)
      .vectorize(inner)
      .reorder(inner, outer, h, t);
  state.compute_at(out, h).bound(c, 0, dim).store_in(MemoryType::Stack).vectorize(c, vector);
  state.update().reorder(c, block, h, t).vectorize(c, vector);
  for (Func f : {slot, score, weight})
    f.compute_at(state, block)
        .bound(j, 0, kPositions)
        .store_in(MemoryType::Stack)
        .vectorize(j, lanesOf(target));
  for (Func f : {largest, blockSum})
    f.compute_at(state, block).store_in(MemoryType::Stack);
  // Four keys at a time against one piece of the query; then eight registers of channels, over all keys of
  // the block.
  Var jo("jo"), ji("ji"), co("co"), ci("ci");
  products.compute_at(state, block)
      .bound(j, 0, kPositions)
      .bound(lane, 0, lanes)
      .store_in(MemoryType::Stack)
      .vectorize(lane);
  products.update().split(j, jo, ji, 4).reorder(lane, ji, i, jo).vectorize(lane).unroll(ji);
  int wide = std::min(dim, 8 * vector);
  if (dim % wide)
    wide = vector;
  mixed.compute_at(state, block).bound(c, 0, dim).store_in(MemoryType::Stack).vectorize(c, vector);
  mixed.update().split(c, co, ci, wide).reorder(ci, p, co).vectorize(ci);
  return {{q, keys, values, position}, out, true};
}

} // namespace gemmac
