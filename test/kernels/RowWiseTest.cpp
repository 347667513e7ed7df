//===- RowWiseTest.cpp - norms and softmax --------------------------------------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace gemmac;
using namespace gemmac::test;

namespace {

/// 1 / sqrt(mean of squares + eps) of a row.
template <typename... I>
double inverseNorm(Array<float> &x, int size, double eps, I... row) {
  double sum = 0;
  for (int c = 0; c < size; ++c)
    sum += double(x(row..., c)) * x(row..., c);
  return 1 / std::sqrt(sum / size + eps);
}

TEST(RmsNorm, DividesByTheRootMeanSquare) {
  for (int64_t weighted : {0, 1})
    for (auto [heads, size] : {std::pair<int64_t, int64_t>{1, 64}, {3, 40}, {2, 7}})
      for (int tokens : {0, 1, 5}) {
        auto x = Array<float>::random({tokens, int(heads), int(size)}, 1, 2);
        auto w = Array<float>::random({int(size)}, 2);
        Array<float> y({tokens, int(heads), int(size)}, 1);
        LoadedKernel kernel("rms_norm",
                            {{"heads", heads}, {"size", size}, {"weighted", weighted}, {"eps", 1e-6}});
        weighted ? kernel(x, w, y) : kernel(x, y);
        for (int t = 0; t < tokens; ++t)
          for (int h = 0; h < heads; ++h) {
            double inverse = inverseNorm(x, int(size), 1e-6, t, h);
            for (int c = 0; c < size; ++c) {
              double wanted = x(t, h, c) * inverse * (weighted ? w(c) : 1);
              ASSERT_NEAR(y(t, h, c), wanted, 1e-6 * std::abs(wanted));
            }
          }
      }
}

TEST(RmsNorm, PiecesAreTheSameAsTheWhole) {
  auto x = Array<float>::random({5, 3, 40}, 1);
  auto w = Array<float>::random({40}, 2);
  Array<float> whole({5, 3, 40}), pieces({5, 3, 40});
  LoadedKernel kernel(
      "rms_norm", {{"heads", int64_t(3)}, {"size", int64_t(40)}, {"weighted", int64_t(1)}, {"eps", 1e-6}});
  kernel(x, w, whole);
  for (Range tokens : {Range{0, 2}, {2, 5}, {5, 5}})
    for (Range heads : {Range{0, 1}, {1, 3}})
      for (Range numbers : {Range{0, 17}, {17, 40}})
        kernel(x, w, pieces.part(0, tokens).part(1, heads).part(2, numbers));
  EXPECT_EQ(whole.data, pieces.data);
}

TEST(AddNorm, AddsTheNormedBranchInPlace) {
  for (int64_t scaled : {0, 1})
    for (auto [heads, size] : {std::pair<int64_t, int64_t>{1, 64}, {15, 8}, {3, 40}, {2, 7}}) {
      auto residual = Array<float>::random({5, int(heads), int(size)}, 1);
      auto x = Array<float>::random({5, int(heads), int(size)}, 2, 3);
      auto w = Array<float>::random({int(size)}, 3), scalar = Array<float>::random({1}, 4);
      Array<float> y({5, int(heads), int(size)});
      LoadedKernel kernel("add_norm", {{"heads", heads}, {"size", size}, {"scaled", scaled}, {"eps", 1e-6}});
      auto run = [&](Buffer out) {
        scaled ? kernel(residual, x, w, scalar, out) : kernel(residual, x, w, out);
      };
      run(y);
      for (int t = 0; t < 5; ++t)
        for (int h = 0; h < heads; ++h) {
          double inverse = inverseNorm(x, int(size), 1e-6, t, h);
          for (int c = 0; c < size; ++c) {
            double branch = x(t, h, c) * inverse * w(c), factor = scaled ? scalar(0) : 1;
            ASSERT_NEAR(y(t, h, c), (residual(t, h, c) + branch) * factor,
                        1e-6 * (std::abs(residual(t, h, c)) + std::abs(branch)) * std::abs(factor));
          }
        }
      // In pieces, over the residual itself.
      run(residual.part(0, {3, 5}));
      run(residual.part(0, {0, 3}));
      EXPECT_EQ(residual.data, y.data);
    }
}

TEST(Softmax, GivesProbabilities) {
  for (int64_t size : {8, 128, 11}) {
    auto x = Array<float>::random({3, 2, int(size)}, 1);
    x(1, 0, 3) = -INFINITY;
    x(1, 1, 0) = 1000;
    Array<float> y({3, 2, int(size)});
    LoadedKernel kernel("softmax", {{"heads", int64_t(2)}, {"size", size}});
    kernel(x, y);
    EXPECT_EQ(y(1, 0, 3), 0);
    for (int t = 0; t < 3; ++t)
      for (int h = 0; h < 2; ++h) {
        double sum = 0, most = -INFINITY;
        for (int c = 0; c < size; ++c)
          most = std::max(most, double(x(t, h, c)));
        for (int c = 0; c < size; ++c)
          sum += std::exp(x(t, h, c) - most);
        for (int c = 0; c < size; ++c) {
          double wanted = std::exp(x(t, h, c) - most) / sum;
          ASSERT_NEAR(y(t, h, c), wanted, 1e-6 * wanted);
        }
      }
    kernel(x, x);
    EXPECT_EQ(x.data, y.data);
  }
}

} // namespace
