//===- AttentionMath.cpp - rotation, attention and its caches -------------------------------------------===//

#include "compiler/reference/Dot.h"
#include "compiler/reference/Math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gemmac::reference {

Array rope(const Array &x, const Array &positions, double theta, int64_t pairs, double factor) {
  int64_t dim = x.shape().back(), half = dim / 2;
  Array result = x;
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t j = 0; j < pairs; ++j) {
      float frequency = float(std::pow(theta, -2.0 * double(j) / double(dim)) / factor);
      float angle = float(positions.ids()[size_t(t)]) * frequency;
      double cosine = std::cos(double(angle)), sine = std::sin(double(angle));
      for (int64_t head = 0; head < x.width(); head += dim) {
        double a = x.row(t)[head + j], b = x.row(t)[head + j + half];
        result.row(t)[head + j] = float(a * cosine - b * sine);
        result.row(t)[head + j + half] = float(b * cosine + a * sine);
      }
    }
  return result;
}

/// The head of keys and values that query head h reads.
static int64_t groupOf(int64_t h, int64_t heads, int64_t kvHeads) {
  assert(kvHeads > 0 && heads % kvHeads == 0 && "query heads are a multiple of key heads");
  return h / (heads / kvHeads);
}

Array scores(const Array &query, const Array &keys, float scale) {
  int64_t tokens = query.rows(), heads = query.size(1), dim = query.size(2), past = keys.rows();
  assert(keys.size(2) == dim && "queries and keys have the same dim");
  Array result = Array::zeros({tokens, heads, past});
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      int64_t group = groupOf(h, heads, keys.size(1));
      for (int64_t j = 0; j < past; ++j)
        result.row(t)[h * past + j] =
            float(scale * dot(&query.row(t)[h * dim], &keys.row(j)[group * dim], dim));
    }
  return result;
}

Array mask(const Array &scores, std::optional<int64_t> window) {
  Array result = scores;
  int64_t past = scores.size(2);
  for (int64_t t = 0; t < scores.rows(); ++t)
    for (int64_t h = 0; h < scores.size(1); ++h)
      for (int64_t j = 0; j < past; ++j)
        if (j > t || (window && j <= t - *window))
          result.row(t)[h * past + j] = -std::numeric_limits<float>::infinity();
  return result;
}

Array mix(const Array &probabilities, const Array &values) {
  int64_t tokens = probabilities.rows(), heads = probabilities.size(1), past = values.rows(),
          dim = values.size(2);
  assert(probabilities.size(2) == past && "one probability a value");
  Array result = Array::zeros({tokens, heads, dim});
  std::vector<double> sums(dim);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < heads; ++h) {
      int64_t group = groupOf(h, heads, values.size(1));
      std::ranges::fill(sums, 0.0);
      for (int64_t j = 0; j < past; ++j) {
        double probability = probabilities.row(t)[h * past + j];
        const float *value = &values.row(j)[group * dim];
        for (int64_t c = 0; c < dim; ++c)
          sums[c] += probability * double(value[c]);
      }
      std::ranges::transform(sums, &result.row(t)[h * dim], [](double sum) { return float(sum); });
    }
  return result;
}

Array attention(const Array &query, const Array &keys, const Array &values, float scale,
                std::optional<int64_t> window) {
  return mix(softmax(mask(scores(query, keys, scale), window)), values);
}

/// The numbers that a cache makes of these.
static Array asStored(const Array &x, Scheme scheme) {
  if (isQuantized(scheme))
    return dequantize(quantize(x, x.size(2)));
  Array result = x;
  std::vector<uint8_t> stored(size_t(storedRowBytes(scheme, int64_t(x.floats().size()))));
  storeRow(scheme, x.floats(), stored.data());
  loadRow(scheme, stored.data(), result.floats());
  return result;
}

static bool isTurned(int64_t channel, int64_t pairs, int64_t dim) {
  return channel % (dim / 2) < pairs;
}

void cacheWrite(Cache &cache, const Array &keys, const Array &values, const Array &positions) {
  Array kept = keys;
  if (int64_t dim = keys.size(2); cache.pairs)
    for (size_t i = 0; i < kept.floats().size(); ++i)
      if (!isTurned(int64_t(i) % dim, cache.pairs, dim))
        kept.floats()[i] = 0;
  Array newKeys = asStored(kept, cache.stored), newValues = asStored(values, cache.stored);
  for (int64_t i = 0; i < keys.rows(); ++i) {
    int64_t slot = positions.ids()[size_t(i)] % cache.keys.rows();
    std::ranges::copy(newKeys.row(i), cache.keys.row(slot).begin());
    std::ranges::copy(newValues.row(i), cache.values.row(slot).begin());
  }
}

/// The rows of a cache that hold positions first … last, in their order.
static Array rowsOf(const Array &slots, int64_t first, int64_t last) {
  assert(last - first < slots.rows() && "the cache still holds every position that is asked for");
  Shape shape = slots.shape();
  shape[0] = last - first + 1;
  std::vector<float> numbers;
  for (int64_t p = first; p <= last; ++p) {
    std::span<const float> row = slots.row(p % slots.rows());
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  return {std::move(shape), std::move(numbers)};
}

Array cachedAttention(const Array &query, const Cache &cache, const Array &positions, const Array &visible,
                      float scale, std::optional<int64_t> window, std::span<const float> keyWeight) {
  Array result = Array::zeros(query.shape());
  for (int64_t i = 0; i < query.rows(); ++i) {
    int64_t last = visible.ids()[size_t(i)];
    int64_t first = window ? std::max<int64_t>(0, positions.ids()[size_t(i)] - *window + 1) : 0;
    std::span<const float> row = query.row(i);
    Array one({1, query.size(1), query.size(2)}, std::vector<float>(row.begin(), row.end()));
    // Every position taken is visible: there is nothing to mask.
    Array keys = rowsOf(cache.keys, first, last), values = rowsOf(cache.values, first, last);
    if (int64_t dim = keys.size(2); cache.pairs)
      for (size_t n = 0; n < keys.floats().size(); ++n)
        if (int64_t channel = int64_t(n) % dim; !isTurned(channel, cache.pairs, dim))
          keys.floats()[n] = values.floats()[n] * keyWeight[size_t(channel)];
    Array mixed = mix(softmax(scores(one, keys, scale)), values);
    std::ranges::copy(mixed.floats(), result.row(i).begin());
  }
  return result;
}

} // namespace gemmac::reference
