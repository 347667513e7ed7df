//===- ElementwiseTest.cpp - kernels that act on every number for itself --------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

using namespace gemmac;
using namespace gemmac::test;

namespace {

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

struct Case {
  const char *family;
  std::map<std::string, KernelConstant> more;
  int inputs;
  std::function<double(double, double)> value;
};

const Case kCases[] = {
    {"add", {}, 2, [](double a, double b) { return a + b; }},
    {"mul", {}, 2, [](double a, double b) { return a * b; }},
    {"gelu", {}, 1, [](double a, double) { return gelu(a); }},
    {"gelu_mul", {}, 2, [](double a, double b) { return gelu(a) * b; }},
    {"scale", {{"by", 0.125}}, 1, [](double a, double) { return a * 0.125; }},
    {"softcap", {{"cap", 30.0}}, 1, [](double a, double) { return 30 * std::tanh(a / 30); }},
    {"softcap", {{"cap", 0.5}}, 1, [](double a, double) { return 0.5 * std::tanh(a / 0.5); }},
};

LoadedKernel load(const Case &which, int64_t heads, int64_t size) {
  auto constants = which.more;
  constants["heads"] = heads;
  constants["size"] = size;
  return LoadedKernel(which.family, constants);
}

void run(const LoadedKernel &kernel, const Case &which, Array<float> &a, Array<float> &b, Buffer out) {
  which.inputs == 2 ? kernel(a, b, out) : kernel(a, out);
}

TEST(Elementwise, EveryFamilyGivesItsFormula) {
  for (const Case &which : kCases)
    for (auto [heads, size] : {std::pair{1, 64}, {3, 19}, {2, 1}})
      for (int tokens : {0, 1, 5}) {
        auto a = Array<float>::random({tokens, heads, size}, 1, 7),
             b = Array<float>::random({tokens, heads, size}, 2);
        for (float &x : a.data)
          x *= 3;
        Array<float> y({tokens, heads, size}, 3);
        run(load(which, heads, size), which, a, b, y);
        for (int t = 0; t < tokens; ++t)
          for (int h = 0; h < heads; ++h) {
            for (int c = 0; c < size; ++c) {
              double wanted = which.value(a(t, h, c), b(t, h, c));
              ASSERT_NEAR(y(t, h, c), wanted, 5e-6 * std::abs(wanted) + 1e-15) << which.family << a(t, h, c);
            }
            if (h + 1 == heads) {
              ASSERT_EQ(y(t, h, size), 77);
            }
          }
      }
}

TEST(Elementwise, TheOutputMayBeTheInput) {
  for (const Case &which : kCases) {
    auto a = Array<float>::random({4, 2, 21}, 1), b = Array<float>::random({4, 2, 21}, 2);
    Array<float> y({4, 2, 21});
    LoadedKernel kernel = load(which, 2, 21);
    run(kernel, which, a, b, y);
    run(kernel, which, a, b, a);
    EXPECT_EQ(a.data, y.data) << which.family;
  }
}

TEST(Elementwise, PiecesAreTheSameAsTheWhole) {
  for (const Case &which : kCases) {
    auto a = Array<float>::random({4, 3, 37}, 1), b = Array<float>::random({4, 3, 37}, 2);
    Array<float> whole({4, 3, 37}), pieces({4, 3, 37});
    LoadedKernel kernel = load(which, 3, 37);
    run(kernel, which, a, b, whole);
    for (Range tokens : {Range{0, 1}, {1, 4}, {4, 4}})
      for (Range heads : {Range{0, 2}, {2, 3}})
        for (Range numbers : {Range{0, 13}, {13, 14}, {14, 37}})
          run(kernel, which, a, b, pieces.part(0, tokens).part(1, heads).part(2, numbers));
    EXPECT_EQ(whole.data, pieces.data) << which.family;
  }
}

TEST(Elementwise, ExtremesStayNumbers) {
  std::vector<float> extremes = {-3e38f, -1e4f, -100, -20, -10, -1e-30f, 0, 1e-30f, 10, 20, 100, 1e4f};
  int size = int(extremes.size());
  for (const Case &which : kCases) {
    if (which.inputs == 2)
      continue;
    Array<float> a({1, 1, size}), y({1, 1, size});
    a.data = extremes;
    run(load(which, 1, size), which, a, a, y);
    for (int c = 0; c < size; ++c)
      if (std::abs(extremes[size_t(c)]) < 1e5f) {
        ASSERT_NEAR(y(0, 0, c), which.value(extremes[size_t(c)], 0), 2e-6 * std::abs(extremes[size_t(c)]));
      }
  }
}

TEST(Elementwise, ScaleTakesAStoredNumber) {
  auto x = Array<float>::random({2, 1, 9}, 1);
  Array<float> scalar({1}), y({2, 1, 9});
  scalar(0) = 0.3f;
  LoadedKernel("scale", {{"heads", int64_t(1)}, {"size", int64_t(9)}})(x, scalar, y);
  for (size_t i = 0; i < x.data.size(); ++i)
    EXPECT_EQ(y.data[i], x.data[i] * 0.3f);
}

} // namespace
