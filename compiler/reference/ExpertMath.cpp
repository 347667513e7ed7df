//===- ExpertMath.cpp - mixture of experts --------------------------------------------------------------===//

#include "compiler/reference/Dot.h"
#include "compiler/reference/Math.h"

#include <algorithm>
#include <numeric>

namespace gemmac::reference {

Chosen topK(const Array &probabilities, const Array &expertScale, int64_t choices) {
  int64_t tokens = probabilities.rows(), experts = probabilities.width();
  assert(choices <= experts && "no more choices than experts");
  Array weights = Array::zeros({tokens, choices});
  Array ids({tokens, choices}, std::vector<int32_t>(tokens * choices));
  for (int64_t t = 0; t < tokens; ++t) {
    std::span<const float> row = probabilities.row(t);
    std::vector<int32_t> order(experts);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::sort(order,
                      [&](int32_t a, int32_t b) { return row[a] != row[b] ? row[a] > row[b] : a < b; });
    double sum = 0;
    for (int64_t i = 0; i < choices; ++i)
      sum += row[order[i]];
    for (int64_t i = 0; i < choices; ++i) {
      ids.ids()[t * choices + i] = order[i];
      weights.row(t)[i] = float(row[order[i]] / sum * expertScale.floats()[order[i]]);
    }
  }
  return {std::move(weights), std::move(ids)};
}

Array expertLinear(const Array &x, const Array &ids, const Array &weight) {
  int64_t tokens = ids.rows(), choices = ids.size(1), out = weight.size(1), columns = weight.size(2);
  assert(x.shape().back() == columns && "x is as wide as the weight");
  bool shared = x.rank() == 2;
  Array result = Array::zeros({tokens, choices, out});
  Rows inputs(x, columns), weights(weight, columns);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t i = 0; i < choices; ++i)
      for (int64_t r = 0; r < out; ++r)
        result.row(t)[i * out + r] =
            inputs.dot(shared ? t : t * choices + i, weights, ids.ids()[t * choices + i] * out + r);
  return result;
}

/// result[t] = sum over i of weights[t, i] * rows[placeOf(t, i)], rows of `width` numbers.
template <typename Place>
static Array weightedSum(const Array &rows, int64_t width, const Array &weights, Place placeOf) {
  Array result = Array::zeros({weights.rows(), width});
  for (int64_t t = 0; t < weights.rows(); ++t)
    for (int64_t c = 0; c < width; ++c) {
      double sum = 0;
      for (int64_t i = 0; i < weights.width(); ++i)
        sum += double(weights.row(t)[i]) * double(rows.floats()[placeOf(t, i) * width + c]);
      result.row(t)[c] = float(sum);
    }
  return result;
}

Array combine(const Array &x, const Array &weights) {
  return weightedSum(x, x.size(2), weights, [&](int64_t t, int64_t i) { return t * weights.width() + i; });
}

Array combineGroups(const Array &x, const Array &place, const Array &weights) {
  return weightedSum(x, x.size(1), weights,
                     [&](int64_t t, int64_t i) { return place.ids()[t * weights.width() + i]; });
}

Array experts(const Array &x, const Array &ids, const Array &weights, const Array &gateUp,
              const Array &down) {
  int64_t width = gateUp.size(1) / 2;
  Array both = expertLinear(x, ids, gateUp);
  Array inner = geluMul(slice(both, 2, 0, width, false), slice(both, 2, width, width, false));
  return combine(expertLinear(inner, ids, down), weights);
}

Groups groupByExpert(const Array &ids, int64_t experts) {
  const std::vector<int32_t> &expertOf = ids.ids();
  std::vector<int32_t> order(expertOf.size()), place(expertOf.size()), offsets(experts + 1, 0);
  for (int32_t expert : expertOf)
    ++offsets[expert + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  std::vector<int32_t> next = offsets;
  for (size_t pair = 0; pair < expertOf.size(); ++pair) {
    place[pair] = next[expertOf[pair]]++;
    order[place[pair]] = int32_t(pair);
  }
  Shape pairs = {int64_t(order.size())};
  return {Array(pairs, std::move(order)), Array(ids.shape(), std::move(place)),
          Array({experts + 1}, std::move(offsets))};
}

/// Rows of `width` numbers, those of the pairs' tokens.
template <typename Number>
static std::vector<Number> gathered(const std::vector<Number> &from, int64_t width, const Array &order,
                                    int64_t choices) {
  std::vector<Number> result;
  result.reserve(order.rows() * width);
  for (int32_t pair : order.ids()) {
    auto row = from.begin() + pair / choices * width;
    result.insert(result.end(), row, row + width);
  }
  return result;
}

Array gatherTokens(const Array &x, const Array &order, int64_t choices) {
  Shape shape = {order.rows(), x.width()};
  if (!x.isBlocks())
    return {shape, gathered(x.floats(), x.width(), order, choices)};
  int64_t size = x.blocks().size;
  return {shape, Blocks{size, gathered(x.blocks().bytes, x.width(), order, choices),
                        gathered(x.blocks().scales, x.width() / size, order, choices)}};
}

Array groupedLinear(const Array &x, const Array &offsets, const Array &weight) {
  int64_t experts = weight.size(0), out = weight.size(1), columns = weight.size(2);
  assert(x.width() == columns && offsets.rows() == experts + 1 && "x and offsets fit the weight");
  Array result = Array::zeros({x.rows(), out});
  Rows inputs(x, columns), weights(weight, columns);
  for (int64_t e = 0; e < experts; ++e)
    for (int64_t p = offsets.ids()[e]; p < offsets.ids()[e + 1]; ++p)
      for (int64_t r = 0; r < out; ++r)
        result.row(p)[r] = inputs.dot(p, weights, e * out + r);
  return result;
}

} // namespace gemmac::reference
