//===- AttentionTest.cpp - rotation, caches and attention over them -------------------------------------===//

#include "CallKernel.h"

#include "contract/CacheLayout.h"
#include "contract/SmallFloats.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace gemmac;
using namespace gemmac::test;

namespace {

/// Tokens that stand one behind the other.
Array<int32_t> from(int position, int count) {
  Array<int32_t> positions({std::max(count, 1)});
  for (int t = 0; t < count; ++t)
    positions(t) = position + t;
  return positions;
}

TEST(Rope, TurnsPairsByTheirPosition) {
  for (auto [dim, pairs] : {std::pair<int64_t, int64_t>{32, 16}, {64, 8}, {64, 1}, {6, 3}, {32, 0}})
    for (int position : {0, 3, 1000, 131000})
      for (double factor : {1.0, 8.0}) {
        const double theta = 10000;
        auto x = Array<float>::random({5, 2, int(dim)}, 1, 4);
        Array<float> y({5, 2, int(dim)});
        LoadedKernel kernel(
            "rope",
            {{"heads", int64_t(2)}, {"dim", dim}, {"theta", theta}, {"pairs", pairs}, {"factor", factor}});
        Array<int32_t> positions = from(position, 5);
        kernel(x, positions, y);
        for (int t = 0; t < 5; ++t)
          for (int h = 0; h < 2; ++h)
            for (int j = 0; j < dim / 2; ++j) {
              float frequency = float(std::pow(theta, -2.0 * j / double(dim)) / factor);
              double angle = j < pairs ? frequency * float(position + t) : 0;
              double low = x(t, h, j), high = x(t, h, j + int(dim / 2));
              double size = 3e-7 * (std::abs(low) + std::abs(high));
              ASSERT_NEAR(y(t, h, j), low * std::cos(angle) - high * std::sin(angle), size) << j;
              ASSERT_NEAR(y(t, h, j + int(dim / 2)), high * std::cos(angle) + low * std::sin(angle), size)
                  << j;
              if (j >= pairs) {
                ASSERT_EQ(y(t, h, j), float(low));
              }
            }
        if (position != 3)
          continue;
        Array<float> pieces({5, 2, int(dim)});
        for (Range tokens : {Range{0, 2}, {2, 2}, {2, 5}})
          for (Range heads : {Range{0, 1}, {1, 2}})
            for (Range numbers : {Range{0, 3}, {3, 5}, {5, int(dim)}})
              kernel(x, positions, pieces.part(0, tokens).part(1, heads).part(2, numbers));
        EXPECT_EQ(y.data, pieces.data);
      }
}

/// Keys and values as a scheme stores them, read back as float.
class Cache {
public:
  Cache(const std::string &scheme, int64_t slots, int64_t heads, int64_t dim, int64_t pairs = 0)
      : scheme(scheme), strip(int(stripOf(dim))), half(int(dim) / 2), pairs(int(pairs)),
        beside(int(neighboursOf(*findScheme(scheme), pairs))),
        keyWeight(Array<float>::random({int(dim)}, 7, 2)) {
    for (const Plane &plane : cachePlanesOf(*findScheme(scheme), slots, heads, dim, pairs)) {
      std::vector<int> shape(plane.shape.begin(), plane.shape.end());
      // What no token has written must never be seen.
      if (plane.element == Element::f32)
        floats.emplace_back(shape), std::fill(floats.back().data.begin(), floats.back().data.end(), NAN);
      else if (plane.element == Element::f16)
        halves.emplace_back(shape), std::fill(halves.back().data.begin(), halves.back().data.end(), 0x7e00);
      else
        bytes.emplace_back(shape);
    }
    // Values in groups are seen, with a weight of 0.
    if (pairs && scheme == "f32")
      std::fill(floats[1].data.begin(), floats[1].data.end(), 1e4f);
    if (pairs && scheme == "f16")
      std::fill(halves[1].data.begin(), halves[1].data.end(), toHalf(1e4f));
  }
  std::vector<Buffer> planes() {
    std::vector<Buffer> all;
    auto take = [&](auto &arrays) { all.insert(all.end(), arrays.begin(), arrays.end()); };
    take(bytes), take(halves), take(floats);
    return all;
  }
  /// What attention takes.
  std::vector<Buffer> arguments() {
    std::vector<Buffer> all = planes();
    if (pairs)
      all.push_back(keyWeight);
    return all;
  }
  std::vector<Buffer> part(Range heads) {
    std::vector<Buffer> parts;
    for (const Buffer &plane : planes())
      parts.push_back(plane.part(1, heads));
    return parts;
  }
  float key(int slot, int head, int c) {
    if (!pairs)
      return inGroup(0, slot, head, c);
    return c % half < pairs ? inGroup(0, slot, head, c < half ? c : c - half + pairs)
                            : value(slot, head, c) * keyWeight(c);
  }
  float value(int slot, int head, int c) {
    if (pairs)
      return inGroup(1, slot, head, c);
    int place = slot % int(kSpan);
    return number(
        1, {slot / int(kSpan), head, c / strip, place / beside, c % strip * beside + place % beside}, place);
  }

private:
  float inGroup(size_t plane, int slot, int head, int c) {
    int place = slot % int(kSpan), group = int(kGroup);
    return number(plane,
                  {slot / int(kSpan), head, place / group, c / beside, place % group * beside + c % beside},
                  place);
  }
  float number(size_t plane, const std::vector<int> &at, int place) {
    if (scheme == "f16")
      return fromHalf(halves[plane].at(at));
    if (scheme == "q8_0")
      return float(bytes[plane].at(at)) * floats[plane](at[0], at[1], place);
    return floats[plane].at(at);
  }

  std::string scheme;
  int strip, half, pairs, beside;
  Array<float> keyWeight;
  std::vector<Array<float>> floats;
  std::vector<Array<Bits16>> halves;
  std::vector<Array<int8_t>> bytes;
};

TEST(CacheWrite, TokensGoAroundTheRing) {
  for (std::string scheme : {"f32", "f16", "q8_0"})
    for (auto [dim, pairs] : {std::pair<int, int>{32, 0}, {6, 0}, {32, 4}, {48, 3}, {64, 31}}) {
      SCOPED_TRACE(scheme + " " + std::to_string(pairs) + " of " + std::to_string(dim));
      Cache cache(scheme, 512, 3, dim, pairs);
      auto k = Array<float>::random({6, 3, int(dim)}, 1, 5), v = Array<float>::random({6, 3, int(dim)}, 2);
      for (int c = 0; c < dim; ++c)
        v(2, 1, c) = 0;
      std::map<std::string, KernelConstant> constants = {
          {"heads", int64_t(3)}, {"dim", int64_t(dim)}, {"slots", int64_t(512)}, {"scheme", scheme}};
      if (pairs)
        constants["pairs"] = int64_t(pairs);
      LoadedKernel kernel("cache_write", constants);
      auto turned = [&, dim = dim, pairs = pairs](int c) { return !pairs || c % (dim / 2) < pairs; };
      Array<int32_t> positions = from(1021, 6);
      for (Range heads : {Range{0, 2}, {2, 3}})
        kernel(k, v, positions, cache.part(heads));
      auto stored = [&, dim = dim](Array<float> &x, int token, int h, int c, bool all) {
        if (scheme != "q8_0")
          return scheme == "f16" ? fromHalf(toHalf(x(token, h, c))) : x(token, h, c);
        float largest = 0;
        for (int i = 0; i < dim; ++i)
          if (all || turned(i))
            largest = std::max(largest, std::fabs(x(token, h, i)));
        float scale = largest / 127.0f;
        return scale == 0 ? 0.0f : std::nearbyint(x(token, h, c) / scale) * scale;
      };
      for (int slot = 0; slot < 512; ++slot)
        for (int h = 0; h < 3; ++h)
          for (int c = 0; c < dim; ++c) {
            int token = (slot - 509 + 512) % 512; // position 1021 is in slot 509
            if (token < 6) {
              if (turned(c))
                ASSERT_EQ(cache.key(slot, h, c), stored(k, token, h, c, false));
              ASSERT_EQ(cache.value(slot, h, c), stored(v, token, h, c, true));
            } else if (pairs) {
              ASSERT_TRUE(!turned(c) || std::isnan(cache.key(slot, h, c)));
            } else {
              ASSERT_TRUE(std::isnan(cache.key(slot, h, c)));
              ASSERT_TRUE(std::isnan(cache.value(slot, h, c)));
            }
          }
    }
}

struct AttentionCase {
  int64_t heads, kvHeads, dim, slots, window;
  std::string scheme;
  int64_t pairs = 0;

  std::map<std::string, KernelConstant> constants() const {
    return withPairs({{"heads", heads},
                      {"kv_heads", kvHeads},
                      {"dim", dim},
                      {"slots", slots},
                      {"window", window},
                      {"scale", 0.25},
                      {"scheme", scheme}});
  }
  std::map<std::string, KernelConstant> writeConstants() const {
    return withPairs({{"heads", kvHeads}, {"dim", dim}, {"slots", slots}, {"scheme", scheme}});
  }
  std::map<std::string, KernelConstant> withPairs(std::map<std::string, KernelConstant> constants) const {
    if (pairs)
      constants["pairs"] = pairs;
    return constants;
  }
  std::string name() const { return KernelSpec{"cached_attention", constants()}.text(); }
};

/// The kernels of a layer.
struct Layer {
  const AttentionCase &c;
  LoadedKernel write{"cache_write", c.writeConstants()};
  LoadedKernel attention{"cached_attention", c.constants()};
  LoadedKernel spans{"attention_spans", c.constants()};
  LoadedKernel merge{"merge_spans", {{"heads", c.heads}, {"kv_heads", c.kvHeads}, {"dim", c.dim}}};

  explicit Layer(const AttentionCase &c) : c(c) {}

  /// A cache that has seen `tokens` tokens, in a ring where there is a window.
  Cache filled(int tokens) const {
    Cache cache(c.scheme, c.slots, c.kvHeads, c.dim, c.pairs);
    // What a ring has overwritten twice is not written at all.
    for (int t = std::max(0, tokens / int(c.slots) - 2) * int(c.slots); t < tokens; t += int(c.slots)) {
      int count = std::min(tokens - t, int(c.slots));
      auto k = Array<float>::random({count, int(c.kvHeads), int(c.dim)}, unsigned(2 * t));
      auto v = Array<float>::random({count, int(c.kvHeads), int(c.dim)}, unsigned(2 * t + 1));
      Array<int32_t> positions = from(t, count);
      write(k, v, positions, cache.planes());
    }
    return cache;
  }

  /// Attention of one token, span by span.
  Array<float> decode(Cache &cache, Array<float> &q, int position, bool inPieces) const {
    int first = c.window ? std::max(0, position - int(c.window) + 1) : 0;
    // Pieces beyond the last span add nothing.
    int pieces = (position / int(kSpan) - first / int(kSpan) + 2) * int(c.kvHeads);
    Array<float> parts({pieces, int(c.heads / c.kvHeads), int(c.dim + kGroup)});
    Array<float> result({1, int(c.heads), int(c.dim)});
    Array<int32_t> at = from(position, 1);
    if (!inPieces) {
      spans(q, at, at, cache.arguments(), parts);
      merge(parts, result);
      return result;
    }
    for (Range some : {Range{0, 1}, {1, std::max(1, pieces / 2)}, {std::max(1, pieces / 2), pieces}})
      spans(q, at, at, cache.arguments(), parts.part(0, some));
    for (Range some : {Range{0, 1}, {1, int(c.heads)}})
      merge(parts, result.part(1, some));
    return result;
  }
};

// Groups of one, of heads that fill the registers evenly or not, one and several kv heads, narrow and wide
// heads, a window smaller and larger than a span, and one of one position; the longest context; keys of which
// pairs are kept.
const AttentionCase kCases[] = {
    {4, 1, 32, 512, 0, "f32"},    {4, 2, 16, 512, 16, "f16"},      {3, 3, 6, 512, 0, "f32"},
    {2, 1, 64, 768, 300, "f16"},  {1, 1, 8, 512, 1, "f32"},        {8, 1, 256, 512, 0, "f16"},
    {7, 1, 16, 512, 0, "q8_0"},   {10, 2, 48, 768, 257, "f32"},    {16, 1, 32, 512, 256, "f16"},
    {8, 2, 64, 768, 300, "q8_0"}, {2, 2, 6, 512, 0, "q8_0"},       {2, 1, 16, 131072, 0, "f16"},
    {8, 1, 64, 512, 0, "f16", 8}, {4, 2, 32, 512, 0, "f32", 4},    {7, 1, 48, 512, 0, "q8_0", 3},
    {2, 2, 6, 512, 0, "f32", 1},  {8, 1, 64, 768, 300, "q8_0", 31}};

/// y is the softmax over what each token sees, times the values.
void expectAttention(const AttentionCase &c, Cache &cache, Array<float> &q, Array<int32_t> &positions,
                     Array<int32_t> &visible, Array<float> &y) {
  // Queries and weights are rounded to integers of 15 bits where the cache has int8 numbers, whose own
  // rounding is 250 times as much.
  bool rounded = c.scheme == "q8_0";
  int count = q.shape[0], slots = int(c.slots), dim = int(c.dim);
  for (int h = 0; h < c.heads; ++h) {
    int kv = h / int(c.heads / c.kvHeads);
    Array<float> keys({slots, dim}), values({slots, dim});
    for (int slot = 0; count && slot < std::min(slots, visible(count - 1) + 1); ++slot)
      for (int i = 0; i < dim; ++i) {
        keys.data[size_t(slot * dim + i)] = cache.key(slot, kv, i);
        values.data[size_t(slot * dim + i)] = cache.value(slot, kv, i);
      }
    for (int t = 0; t < count; ++t) {
      int last = visible(t), first = c.window ? std::max(0, positions(t) - int(c.window) + 1) : 0;
      std::vector<double> weights, mixed(size_t(dim), 0.0), size(size_t(dim), 0.0);
      double most = -INFINITY, sum = 0, largest = 0;
      for (int j = first; j <= last; ++j) {
        double score = 0;
        for (int i = 0; i < dim; ++i)
          score += double((&q(t, h, 0))[i]) * keys.data[size_t(j % slots * dim + i)];
        weights.push_back(score * 0.25);
        most = std::max(most, score * 0.25);
      }
      for (double &w : weights)
        sum += w = std::exp(w - most);
      for (int j = first; j <= last; ++j)
        for (int i = 0; i < dim; ++i) {
          double part = weights[size_t(j - first)] / sum * values.data[size_t(j % slots * dim + i)];
          mixed[size_t(i)] += part, size[size_t(i)] += std::abs(part);
          largest = std::max(largest, std::abs(part));
        }
      double ofWeights = rounded ? std::ldexp(std::sqrt(last - first + 1) * largest, -15) : 0;
      for (int i = 0; i < dim; ++i)
        ASSERT_NEAR(y(t, h, i), mixed[size_t(i)], (rounded ? 1e-4 : 1e-5) * size[size_t(i)] + ofWeights)
            << t << " " << h << " " << i;
    }
  }
}

TEST(CachedAttention, AgreesWithSoftmaxOverVisiblePositions) {
  for (const AttentionCase &c : kCases) {
    Layer layer(c);
    for (int count : {7, 1, 0})
      for (int position : {0, 5, 250, 505, 1300, 131060}) {
        if (!c.window && (position + count > c.slots || position < c.slots - 1000))
          continue;
        if (position > 2000 && count < 7)
          continue;
        SCOPED_TRACE(c.name() + " of " + std::to_string(count) + " at " + std::to_string(position));
        Cache cache = layer.filled(position + count);
        auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 99, 3);
        Array<float> y({count, int(c.heads), int(c.dim)}, 2);
        Array<int32_t> positions = from(position, count);
        layer.attention(q, positions, positions, cache.arguments(), y);
        expectAttention(c, cache, q, positions, positions, y);
      }
  }
}

// Rows in registers, groups of keys beside them and tokens of a tile: heads that divide evenly or not.
TEST(CachedAttention, EveryScheduleGivesTheSameNumbers) {
  for (const AttentionCase &c : {AttentionCase{10, 2, 48, 768, 257, "f32"},
                                 {7, 1, 16, 512, 0, "q8_0"},
                                 {6, 1, 32, 512, 0, "q8_0", 7}}) {
    Layer layer(c);
    const int position = 251, count = 13;
    Cache cache = layer.filled(position + count);
    auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 99);
    Array<int32_t> positions = from(position, count);
    std::vector<float> first;
    for (const Schedule &schedule : schedulesFor("cached_attention", c.constants())) {
      SCOPED_TRACE(c.name() + textOf(schedule));
      Array<float> y({count, int(c.heads), int(c.dim)});
      LoadedKernel("cached_attention", c.constants(), schedule)(q, positions, positions, cache.arguments(),
                                                                y);
      if (first.empty()) {
        first = y.data;
        expectAttention(c, cache, q, positions, positions, y);
      }
      EXPECT_EQ(y.data, first);
    }
    // The last token alone, as in decode.
    Array<float> one({1, int(c.heads), int(c.dim)});
    std::copy_n(&q(count - 1, 0, 0), one.data.size(), one.data.begin());
    std::vector<float> last(first.end() - std::ptrdiff_t(one.data.size()), first.end());
    for (const Schedule &schedule : schedulesFor("attention_spans", c.constants())) {
      layer.spans = LoadedKernel("attention_spans", c.constants(), schedule);
      EXPECT_EQ(layer.decode(cache, one, position + count - 1, false).data, last)
          << c.name() << textOf(schedule);
    }
  }
}

// Tokens of a block see each other, those behind it as far as itself: as text before and after an image.
TEST(CachedAttention, TokensOfABlockSeeItsEnd) {
  for (const AttentionCase &c : kCases) {
    if (c.slots > 1000)
      continue;
    Layer layer(c);
    for (int position : {0, 250, 490}) {
      int count = 19;
      if (c.window + count > c.slots)
        continue;
      SCOPED_TRACE(c.name() + " at " + std::to_string(position));
      Cache cache = layer.filled(position + count);
      auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 5);
      Array<float> y({count, int(c.heads), int(c.dim)}, 2);
      Array<int32_t> positions = from(position, count), visible = from(position, count);
      for (int t = 3; t < 14; ++t)
        visible(t) = position + 13;
      layer.attention(q, positions, visible, cache.arguments(), y);
      expectAttention(c, cache, q, positions, visible, y);
    }
  }
}

TEST(CachedAttention, TheCutOfThePromptAndOfTheWorkDoesNotMatter) {
  for (const AttentionCase &c : kCases) {
    Layer layer(c);
    for (int position : {0, 251, 1000, 131060}) {
      int count = 12;
      if (!c.window && (position + count > c.slots || position < c.slots - 1000))
        continue;
      SCOPED_TRACE(c.name() + " at " + std::to_string(position));
      Cache cache = layer.filled(position + count);
      auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 99);
      Array<float> whole({count, int(c.heads), int(c.dim)}), pieces(whole.shape);
      auto run = [&](Array<float> &q, int position, const Buffer &out) {
        Array<int32_t> positions = from(position, q.shape[0]);
        layer.attention(q, positions, positions, cache.arguments(), out);
      };
      run(q, position, whole);
      int group = int(c.heads / c.kvHeads);
      for (int t = 0; t < count; t += 5)
        for (int h = 0; h < c.heads; h += group)
          run(q, position, pieces.part(0, {t, std::min(t + 5, count)}).part(1, {h, h + group}));
      EXPECT_EQ(whole.data, pieces.data);
      // Alone, and as in decode.
      for (int t : {0, 4, 11}) {
        Array<float> one({1, int(c.heads), int(c.dim)});
        std::copy_n(&q(t, 0, 0), one.data.size(), one.data.begin());
        std::vector<float> wanted(&whole(t, 0, 0), &whole(t, 0, 0) + one.data.size());
        Array<float> alone(one.shape);
        run(one, position + t, alone);
        EXPECT_EQ(alone.data, wanted) << t;
        EXPECT_EQ(layer.decode(cache, one, position + t, t == 4).data, wanted) << t;
      }
    }
  }
}

} // namespace
