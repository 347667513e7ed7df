//===- AttentionTest.cpp - rotation, caches and attention over them -------------------------------------===//

#include "CallKernel.h"

#include "targets/kernels/SmallFloats.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace gemmac;
using namespace gemmac::test;

namespace {

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
        kernel(x, position, y);
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
              kernel(x, position, pieces.part(0, tokens).part(1, heads).part(2, numbers));
        EXPECT_EQ(y.data, pieces.data);
      }
}

/// Keys and values in a cache's type, read back as float.
struct Cache {
  bool half;
  Array<float> floats;
  Array<Bits16> halves;

  Cache(int slots, int heads, int dim, bool half)
      : half(half), floats({slots, heads, dim}), halves(floats.shape) {
    // What no token has written must never be seen.
    std::fill(floats.data.begin(), floats.data.end(), NAN);
    std::fill(halves.data.begin(), halves.data.end(), Bits16(0x7e00));
  }
  Buffer buffer() { return half ? Buffer(halves) : Buffer(floats); }
  float number(int slot, int head, int c) {
    return half ? fromHalf(halves(slot, head, c)) : floats(slot, head, c);
  }
};

TEST(CacheWrite, TokensGoAroundTheRing) {
  for (bool half : {false, true})
    for (int64_t dim : {32, 6}) {
      Cache keys(10, 3, int(dim), half), values(10, 3, int(dim), half);
      auto k = Array<float>::random({6, 3, int(dim)}, 1, 5), v = Array<float>::random({6, 3, int(dim)}, 2);
      LoadedKernel kernel("cache_write", {{"heads", int64_t(3)},
                                          {"dim", dim},
                                          {"slots", int64_t(10)},
                                          {"scheme", std::string(half ? "f16" : "f32")}});
      for (Range heads : {Range{0, 2}, {2, 3}})
        kernel(k, v, 17, keys.buffer().part(1, heads), values.buffer().part(1, heads));
      for (int slot = 0; slot < 10; ++slot)
        for (int h = 0; h < 3; ++h)
          for (int c = 0; c < dim; ++c) {
            int token = (slot - 7 + 10) % 10; // position 17 is in slot 7
            if (token < 6) {
              auto rounded = [&](float x) { return half ? fromHalf(toHalf(x)) : x; };
              ASSERT_EQ(keys.number(slot, h, c), rounded(k(token, h, c)));
              ASSERT_EQ(values.number(slot, h, c), rounded(v(token, h, c)));
            } else {
              ASSERT_TRUE(std::isnan(keys.number(slot, h, c)));
            }
          }
    }
}

struct AttentionCase {
  int64_t heads, kvHeads, dim, slots, window;
};

/// A cache that has seen `tokens` tokens, in a ring where there is a window.
struct Filled {
  Cache keys, values;
  Filled(const AttentionCase &c, bool half, int tokens)
      : keys(int(c.slots), int(c.kvHeads), int(c.dim), half),
        values(int(c.slots), int(c.kvHeads), int(c.dim), half) {
    LoadedKernel write("cache_write", {{"heads", c.kvHeads},
                                       {"dim", c.dim},
                                       {"slots", c.slots},
                                       {"scheme", std::string(half ? "f16" : "f32")}});
    for (int t = 0; t < tokens; t += int(c.slots)) {
      int count = std::min(tokens - t, int(c.slots));
      auto k = Array<float>::random({count, int(c.kvHeads), int(c.dim)}, unsigned(2 * t));
      auto v = Array<float>::random({count, int(c.kvHeads), int(c.dim)}, unsigned(2 * t + 1));
      write(k, v, t, keys.buffer(), values.buffer());
    }
  }
};

LoadedKernel attention(const AttentionCase &c, bool half) {
  return LoadedKernel("cached_attention", {{"heads", c.heads},
                                           {"kv_heads", c.kvHeads},
                                           {"dim", c.dim},
                                           {"slots", c.slots},
                                           {"window", c.window},
                                           {"scale", 0.25},
                                           {"scheme", std::string(half ? "f16" : "f32")}});
}

const AttentionCase kCases[] = {{4, 1, 32, 96, 0},  {4, 2, 16, 23, 16}, {3, 3, 6, 70, 0},
                                {2, 1, 64, 77, 70}, {1, 1, 8, 9, 3},    {8, 1, 256, 40, 0}};

TEST(CachedAttention, AgreesWithSoftmaxOverVisiblePositions) {
  for (bool half : {false, true})
    for (const AttentionCase &c : kCases)
      for (int count : {0, 1, 7})
        for (int position : {0, 5, 30}) {
          if (!c.window && position + count > c.slots)
            continue;
          Filled cache(c, half, position + count);
          auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 99, 3);
          Array<float> y({count, int(c.heads), int(c.dim)}, 2);
          attention(c, half)(q, cache.keys.buffer(), cache.values.buffer(), position, y);
          for (int t = 0; t < count; ++t)
            for (int h = 0; h < c.heads; ++h) {
              int last = position + t, first = c.window ? std::max(0, last - int(c.window) + 1) : 0;
              int kv = h / int(c.heads / c.kvHeads);
              std::vector<double> weights;
              double most = -INFINITY, sum = 0;
              for (int j = first; j <= last; ++j) {
                double score = 0;
                for (int i = 0; i < c.dim; ++i)
                  score += double(q(t, h, i)) * cache.keys.number(j % int(c.slots), kv, i);
                weights.push_back(score * 0.25);
                most = std::max(most, score * 0.25);
              }
              for (double &w : weights)
                sum += w = std::exp(w - most);
              for (int i = 0; i < c.dim; ++i) {
                double mixed = 0, size = 0;
                for (int j = first; j <= last; ++j) {
                  double part =
                      weights[size_t(j - first)] / sum * cache.values.number(j % int(c.slots), kv, i);
                  mixed += part, size += std::abs(part);
                }
                ASSERT_NEAR(y(t, h, i), mixed, 5e-6 * size) << t << " " << h << " " << i;
              }
            }
        }
}

TEST(CachedAttention, TheCutOfThePromptAndOfTheWorkDoesNotMatter) {
  for (const AttentionCase &c : kCases) {
    int count = 8, position = c.window ? 40 : 30;
    // A ring keeps what the first token needs only as long as it has room for the rest.
    count = std::min(count, int(c.window ? c.slots - c.window + 1 : count));
    Filled cache(c, false, position + count);
    auto q = Array<float>::random({count, int(c.heads), int(c.dim)}, 99);
    Array<float> whole({count, int(c.heads), int(c.dim)}), pieces(whole.shape), single(whole.shape);
    LoadedKernel kernel = attention(c, false);
    kernel(q, cache.keys.buffer(), cache.values.buffer(), position, whole);
    for (int t = 0; t < count; t += 3)
      for (int h = 0; h < c.heads; ++h)
        for (Range numbers : {Range{0, 5}, {5, int(c.dim)}, {3, 3}})
          kernel(q, cache.keys.buffer(), cache.values.buffer(), position,
                 pieces.part(0, {t, std::min(t + 3, count)}).part(1, {h, h + 1}).part(2, numbers));
    EXPECT_EQ(whole.data, pieces.data);
    // Token by token, as in decode.
    for (int t = 0; t < count; ++t) {
      Array<float> one({1, int(c.heads), int(c.dim)});
      std::copy_n(&q(t, 0, 0), one.data.size(), one.data.begin());
      Array<float> result(one.shape);
      kernel(one, cache.keys.buffer(), cache.values.buffer(), position + t, result);
      std::copy_n(result.data.begin(), result.data.size(), &single(t, 0, 0));
    }
    EXPECT_EQ(whole.data, single.data);
  }
}

} // namespace
