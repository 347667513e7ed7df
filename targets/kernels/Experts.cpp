//===- Experts.cpp - routing of tokens to experts, and the way back -------------------------------------===//
//
// top_k: ids[t] are the largest of p[t], largest first, the lower id first among equals;
//        weights[t, i] = p[ids[t, i]] / (sum of the chosen p) * expert_scale[ids[t, i]]
// group_by_expert: order lists the pairs t * choices + i by expert, stable; place[t, i] is the pair's
//        index in order; offsets[e] is the number of pairs of experts below e
// gather_tokens: y[p] = x[order[p] / choices]
// combine: y[t] = sum over i of weights[t, i] x[t, i], in the order of i
// combine_groups: the same with x[place[t, i]]
//
// Sorting is by rank, the number of elements that come before: this takes more comparisons than a sort, but
// it stores nothing in between and it vectorizes.

#include "targets/kernels/Expressions.h"
#include "targets/kernels/Kernels.h"

namespace gemmac {

using namespace Halide;

static const Var i("i"), t("t"), e("e"), c("c"), p("p"), lane("lane");

KernelCode buildTopK(const KernelSpec &spec, const Target &target) {
  int experts = int(spec.integer("experts")), choices = int(spec.integer("choices"));
  ImageParam probabilities = tokensArray("p", Float(32), experts);
  ImageParam expertScale = denseArray("expert_scale", Float(32), {experts});

  Func rank("rank"), chosen("chosen"), sum("chosen_sum"), out("out");
  RDom other(0, experts, "other"), all(0, experts, "all"), k(0, choices, "k");
  Expr mine = probabilities(e, t), theirs = probabilities(other, t);
  rank(e, t) = 0;
  rank(e, t) += cast<int32_t>(theirs > mine || (theirs == mine && other < e));
  chosen(i, t) = 0;
  all.where(rank(all, t) < choices);
  chosen(clamp(rank(all, t), 0, choices - 1), t) = all;
  Expr id = unsafe_promise_clamped(chosen(i, t), 0, experts - 1);
  sum(t) = 0.0f;
  sum(t) += probabilities(unsafe_promise_clamped(chosen(k, t), 0, experts - 1), t);
  out(i, t) = {probabilities(id, t) / sum(t) * expertScale(id), id};

  rank.compute_at(out, t).bound(e, 0, experts).store_in(MemoryType::Stack);
  rank.vectorize(e, lanesOf(target), TailStrategy::GuardWithIf);
  rank.update().reorder(e, other, t).vectorize(e, lanesOf(target), TailStrategy::GuardWithIf);
  chosen.compute_at(out, t).bound(i, 0, choices).store_in(MemoryType::Stack);
  sum.compute_at(out, t).store_in(MemoryType::Stack);
  return {{probabilities, expertScale}, out};
}

/// For each `expert` and pair `number`, indexed by `of`: the number of pairs that have a lower expert, or the
/// same expert and a lower number. Computed in loop `loop` of `user`.
static Func pairsBefore(const std::string &name, ImageParam ids, int choices, const std::vector<Var> &of,
                        const Expr &expert, const Expr &number, Func user, const VarOrRVar &loop) {
  Func partial(name + "_partial"), before(name + "_before");
  RDom token(ids.dim(1).min(), ids.dim(1).extent(), name + "_token"), all(0, choices, name + "_all");
  std::vector<Expr> inLane = {lane}, inAll = {all}, whole(of.begin(), of.end());
  inLane.insert(inLane.end(), of.begin(), of.end());
  inAll.insert(inAll.end(), of.begin(), of.end());
  std::vector<Var> laneOf = {lane};
  laneOf.insert(laneOf.end(), of.begin(), of.end());
  Expr theirs = ids(lane, token);
  partial(laneOf) = 0;
  partial(inLane) += cast<int32_t>(theirs < expert || (theirs == expert && token * choices + lane < number));
  before(of) = 0;
  before(whole) += partial(inAll);
  LoopLevel level = loop.is_rvar ? LoopLevel(user, loop.rvar) : LoopLevel(user, loop.var);
  partial.compute_at(level).bound(lane, 0, choices).store_in(MemoryType::Stack).vectorize(lane);
  partial.update().reorder(lane, token).vectorize(lane);
  before.compute_at(level).store_in(MemoryType::Stack);
  return before;
}

KernelCode buildGroupByExpert(const KernelSpec &spec, const Target &target) {
  int choices = int(spec.integer("choices"));
  ImageParam ids = tokensArray("ids", Int(32), choices);
  Func order("order"), place("place"), offsets("offsets");

  order(p) = undef<int32_t>();
  Part part = partOf(order, 0);
  RDom r(0, choices, ids.dim(1).min(), ids.dim(1).extent(), "pair");
  Expr number = r.y * choices + r.x;
  Func inOrder = pairsBefore("order", ids, choices, {i, t}, ids(i, t), t * choices + i, order, r.x);
  Expr at = inOrder(r.x, r.y);
  r.where(at >= part.begin && at < part.end);
  order(unsafe_promise_clamped(at, part.begin, part.end - 1)) = number;

  Func inPlace = pairsBefore("place", ids, choices, {i, t}, ids(i, t), t * choices + i, place, i);
  place(i, t) = inPlace(i, t);
  Func below = pairsBefore("offsets", ids, choices, {e}, e, 0, offsets, e);
  offsets(e) = below(e);
  return {{ids}, Pipeline({order, place, offsets})};
}

KernelCode buildGatherTokens(const KernelSpec &spec, const Target &target) {
  int64_t width = spec.integer("width");
  bool quantized = spec.integer("quantized") != 0;
  std::vector<ImageParam> arrays = {tokensArray("x", quantized ? Int(8) : Float(32), width)};
  if (quantized) {
    arrays.push_back(tokensArray("x_scales", Float(32), width / kBlock * 2));
    arrays.push_back(tokensArray("x_sums", Int(32), width / kBlock * 2));
  }
  ImageParam order(Int(32), 1, "order");
  std::vector<Func> gathered;
  for (ImageParam &x : arrays) {
    Func out("out");
    Expr token = order(p) / int(spec.integer("choices"));
    out(c, p) = x(c, clamp(token, x.dim(1).min(), x.dim(1).max()));
    out.vectorize(c, target.vectorBytes / x.type().bytes(), TailStrategy::GuardWithIf);
    gathered.push_back(out);
  }
  std::vector<Argument> arguments(arrays.begin(), arrays.end());
  arguments.push_back(order);
  return {arguments, Pipeline(gathered)};
}

/// Weighted sum of `choices` rows, in their order.
static Func weightedSum(const std::function<Expr(int)> &x, ImageParam weights, int choices,
                        const Target &target) {
  Func out("out");
  Expr sum;
  for (int k = 0; k < choices; ++k) {
    Expr part = weights(k, t) * x(k);
    sum = sum.defined() ? sum + part : part;
  }
  out(c, t) = sum;
  out.vectorize(c, lanesOf(target), TailStrategy::GuardWithIf);
  return out;
}

KernelCode buildCombine(const KernelSpec &spec, const Target &target) {
  int choices = int(spec.integer("choices"));
  ImageParam x = tokensArray("x", Float(32), spec.integer("width"), choices);
  ImageParam weights = tokensArray("weights", Float(32), choices);
  return {{x, weights}, weightedSum([&](int k) { return x(c, k, t); }, weights, choices, target)};
}

KernelCode buildCombineGroups(const KernelSpec &spec, const Target &target) {
  int choices = int(spec.integer("choices"));
  ImageParam x = tokensArray("x", Float(32), spec.integer("width"));
  ImageParam place = tokensArray("place", Int(32), choices),
             weights = tokensArray("weights", Float(32), choices);
  auto row = [&](int k) { return clamp(place(k, t), x.dim(1).min(), x.dim(1).max()); };
  return {{x, place, weights}, weightedSum([&](int k) { return x(c, row(k)); }, weights, choices, target)};
}

} // namespace gemmac
