//===- ExpertsTest.cpp - which experts a token goes to, and the way back --------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

using namespace gemmac;
using namespace gemmac::test;

namespace {

TEST(TopK, TakesTheLargestAndTheLowerOfEquals) {
  for (auto [experts, choices] : {std::pair<int64_t, int64_t>{8, 3}, {128, 8}, {5, 5}, {1, 1}})
    for (int tokens : {0, 1, 4}) {
      auto p = Array<float>::random({tokens, int(experts)}, 1),
           scale = Array<float>::random({int(experts)}, 2);
      for (float &x : p.data)
        x = std::round(std::abs(x) * 4) / 4 + 0.01f; // many equals
      Array<float> weights({tokens, int(choices)}, 1);
      Array<int32_t> ids({tokens, int(choices)}, 2);
      LoadedKernel kernel("top_k", {{"experts", experts}, {"choices", choices}});
      kernel(p, scale, weights, ids);
      for (int t = 0; t < tokens; ++t) {
        std::vector<int> order(static_cast<size_t>(experts));
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(),
                  [&](int a, int b) { return std::pair(-p(t, a), a) < std::pair(-p(t, b), b); });
        double sum = 0;
        for (int i = 0; i < choices; ++i)
          sum += p(t, order[size_t(i)]);
        for (int i = 0; i < choices; ++i) {
          ASSERT_EQ(ids(t, i), order[size_t(i)]);
          double wanted = p(t, ids(t, i)) / sum * scale(ids(t, i));
          ASSERT_NEAR(weights(t, i), wanted, 1e-6 * std::abs(wanted));
        }
      }
    }
}

struct Grouped {
  Array<int32_t> ids, order, place, offsets;
  Grouped(int tokens, int experts, int choices)
      : ids({tokens, choices}), order({tokens * choices}), place({tokens, choices}), offsets({experts + 1}) {
    std::mt19937 generator(3);
    for (int32_t &id : ids.data)
      id = int32_t(generator() % unsigned(experts));
    LoadedKernel("group_by_expert",
                 {{"experts", int64_t(experts)}, {"choices", int64_t(choices)}})(ids, order, place, offsets);
  }
};

TEST(GroupByExpert, SortsPairsStably) {
  for (int tokens : {0, 1, 17})
    for (auto [experts, choices] : {std::pair{8, 3}, {128, 8}, {2, 1}}) {
      Grouped g(tokens, experts, choices);
      int pairs = tokens * choices;
      std::vector<int> wanted(static_cast<size_t>(pairs));
      std::iota(wanted.begin(), wanted.end(), 0);
      std::sort(wanted.begin(), wanted.end(), [&](int a, int b) {
        return std::pair(g.ids.data[size_t(a)], a) < std::pair(g.ids.data[size_t(b)], b);
      });
      for (int p = 0; p < pairs; ++p) {
        ASSERT_EQ(g.order(p), wanted[size_t(p)]);
        ASSERT_EQ(g.order(g.place(p / choices, p % choices)), p);
      }
      for (int e = 0; e <= experts; ++e)
        ASSERT_EQ(g.offsets(e), std::count_if(g.ids.data.begin(), g.ids.data.begin() + pairs,
                                              [&, e = e](int id) { return id < e; }));
    }
}

TEST(Combine, GatheredAndGroupedPairsGiveTheSameSums) {
  const int tokens = 6, choices = 3, width = 37;
  Grouped g(tokens, 5, choices);
  auto x = Array<float>::random({tokens, choices, width}, 1, 3),
       weights = Array<float>::random({tokens, choices}, 2);
  Array<float> direct({tokens, width}), grouped({tokens, width}), sorted({tokens * choices, width}, 4);
  for (int p = 0; p < tokens * choices; ++p)
    for (int c = 0; c < width; ++c)
      sorted(p, c) = x(g.order(p) / choices, g.order(p) % choices, c);
  std::map<std::string, KernelConstant> constants = {{"width", int64_t(width)},
                                                     {"choices", int64_t(choices)}};
  LoadedKernel("combine", constants)(x, weights, direct);
  LoadedKernel("combine_groups", constants)(sorted, g.place, weights, grouped);
  EXPECT_EQ(direct.data, grouped.data);
  for (int t = 0; t < tokens; ++t)
    for (int c = 0; c < width; ++c) {
      float sum = weights(t, 0) * x(t, 0, c);
      for (int i = 1; i < choices; ++i)
        sum += weights(t, i) * x(t, i, c);
      ASSERT_NEAR(direct(t, c), sum, 1e-5);
    }
}

TEST(GatherTokens, RowsStandInTheOrderOfPairs) {
  const int tokens = 6, choices = 3, width = 37;
  Grouped g(tokens, 5, choices);
  auto x = Array<float>::random({tokens, width}, 1, 3);
  Array<float> y({tokens * choices, width}, 2);
  LoadedKernel kernel("gather_tokens",
                      {{"width", int64_t(width)}, {"choices", int64_t(choices)}, {"quantized", int64_t(0)}});
  kernel(x, g.order, y.part(0, {0, 5}));
  kernel(x, g.order, y.part(0, {5, tokens * choices}));
  for (int p = 0; p < tokens * choices; ++p)
    for (int c = 0; c < width; ++c)
      ASSERT_EQ(y(p, c), x(g.order(p) / choices, c));
}

TEST(GatherTokens, QuantizedRowsKeepScalesAndSums) {
  const int tokens = 5, choices = 3, width = 96, twos = width / 32 * 2, pairs = tokens * choices;
  Grouped g(tokens, 4, choices);
  auto x = Array<float>::random({tokens, width}, 1);
  QuantizedRows rows(x);
  Array<int8_t> q({pairs, width});
  Array<float> scales({pairs, twos});
  Array<int32_t> sums({pairs, twos});
  LoadedKernel kernel("gather_tokens",
                      {{"width", int64_t(width)}, {"choices", int64_t(choices)}, {"quantized", int64_t(1)}});
  for (Range part : {Range{0, 7}, Range{7, pairs}})
    kernel(rows, g.order, q.part(0, part), scales.part(0, part), sums.part(0, part));
  for (int p = 0; p < pairs; ++p) {
    int t = g.order(p) / choices;
    for (int c = 0; c < width; ++c)
      ASSERT_EQ(q(p, c), rows.q(t, c));
    for (int b = 0; b < twos; ++b) {
      ASSERT_EQ(scales(p, b), rows.scales(t, b));
      ASSERT_EQ(sums(p, b), rows.sums(t, b));
    }
  }
}

} // namespace
