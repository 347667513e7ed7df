//===- LinearTest.cpp - x times the transpose of a weight, of one or of each token's experts ------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>

using namespace gemmac;
using namespace gemmac::test;

namespace {

struct Shape {
  int64_t input, output, rows, offset;
};

/// Awkward on purpose: rows that fill no tile, ranges that begin inside one, one column.
const Shape kFloatShapes[] = {
    {64, 48, 48, 0}, {33, 12, 12, 0}, {1, 8, 40, 13}, {40, 100, 120, 7}, {16, 1, 1, 0}};
const Shape kBlockShapes[] = {
    {64, 48, 48, 0}, {32, 12, 12, 0}, {96, 8, 40, 13}, {160, 100, 120, 7}, {32, 1, 1, 0}};

bool isQuantized(const std::string &scheme) {
  return scheme == "q8_0" || scheme == "q4_0";
}

template <typename Test>
void forEachCase(const Test &test) {
  for (const char *scheme : {"f32", "bf16", "q8_0", "q4_0"})
    for (const Shape &shape : isQuantized(scheme) ? kBlockShapes : kFloatShapes) {
      SCOPED_TRACE(testing::Message() << scheme << " " << shape.output << "x" << shape.input);
      test(std::string(scheme), shape);
      if (testing::Test::HasFatalFailure())
        return;
    }
}

/// A linear kernel with its weight, and x in the form that its scheme wants.
struct Linear {
  LoadedKernel kernel;
  Weight w;
  bool quantized;

  static std::map<std::string, KernelConstant> constants(const std::string &scheme, const Shape &shape,
                                                         int64_t tokens) {
    return {{"input", shape.input},   {"output", shape.output}, {"rows", shape.rows},
            {"offset", shape.offset}, {"scheme", scheme},       {"tokens", tokens}};
  }

  Linear(const std::string &scheme, const Shape &shape, int64_t tokens, const Schedule &schedule = {})
      : kernel("linear", constants(scheme, shape, tokens), schedule),
        w("tiles16", scheme, {0, shape.rows, shape.input}, 1), quantized(isQuantized(scheme)) {}

  void operator()(Array<float> &x, Buffer y) const {
    if (!quantized)
      return kernel(x, w, y);
    QuantizedRows rows(x);
    kernel(rows, w, y);
  }
};

/// Sum of products in double, and the sum of their sizes.
struct Sum {
  double value = 0, size = 0;
  void add(double product) { value += product, size += std::abs(product); }
};

/// What x is after quantization, if the scheme asks for it.
Array<float> asSeen(Array<float> x, bool quantized) {
  if (!quantized)
    return x;
  QuantizedRows rows(x);
  for (int t = 0; t < x.shape[0]; ++t)
    for (int k = 0; k < x.shape[1]; ++k)
      x(t, k) = float(rows.q(t, k)) * rows.scales(t, k / 32);
  return x;
}

TEST(Linear, AgreesWithSums) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    for (int tokens : {0, 1, 5, 17}) {
      Linear linear(scheme, shape, 0);
      auto x = Array<float>::random({tokens, int(shape.input)}, 2, 3), seen = asSeen(x, linear.quantized);
      Array<float> y({tokens, int(shape.output)}, 5);
      linear(x, y);
      for (int t = 0; t < tokens; ++t) {
        for (int r = 0; r < shape.output; ++r) {
          Sum sum;
          for (int k = 0; k < shape.input; ++k)
            sum.add(double(seen(t, k)) * linear.w.numbers(0, r + shape.offset, k));
          ASSERT_NEAR(y(t, r), sum.value, 1e-6 * sum.size) << t << " " << r;
        }
        for (int gap = 0; gap < (t + 1 < tokens ? 5 : 0); ++gap)
          ASSERT_EQ(y.data[size_t(t) * size_t(shape.output + 5) + size_t(shape.output + gap)], 77);
      }
    }
  });
}

/// Sums, for tokens and rows that fill no group.
void expectSums(Linear &linear, const Shape &shape, Array<float> &x, Array<float> &y) {
  Array<float> seen = asSeen(x, linear.quantized);
  for (int t = 0; t < x.shape[0]; ++t)
    for (int r = 0; r < shape.output; ++r) {
      Sum sum;
      for (int k = 0; k < shape.input; ++k)
        sum.add(double(seen(t, k)) * linear.w.numbers(0, r + shape.offset, k));
      ASSERT_NEAR(y(t, r), sum.value, 1e-6 * sum.size) << t << " " << r;
    }
}

TEST(Linear, EveryScheduleGivesTheSameNumbers) {
  for (const char *scheme : {"f32", "bf16", "q8_0", "q4_0"})
    for (int64_t oneToken : {0, 1}) {
      Shape shape{isQuantized(scheme) ? 96 : 33, 100, 120, 7};
      auto x = Array<float>::random({oneToken ? 1 : 19, int(shape.input)}, 2, 3);
      std::vector<float> first;
      std::vector<Schedule> schedules = schedulesFor("linear", Linear::constants(scheme, shape, oneToken));
      if (!oneToken && !schedules.empty()) // a second block of tokens, and a third that is not full
        schedules.push_back(schedules[0]), schedules.back().tokenGroups = 2;
      for (const Schedule &schedule : schedules) {
        SCOPED_TRACE(scheme + textOf(schedule));
        Linear linear(scheme, shape, oneToken, schedule);
        Array<float> y({x.shape[0], int(shape.output)}, 5);
        linear(x, y);
        if (first.empty()) {
          first = y.data;
          expectSums(linear, shape, x, y);
        }
        EXPECT_EQ(y.data, first);
      }
    }
}

TEST(Linear, CapsWhatItStores) {
  for (const char *scheme : {"f32", "q4_0"})
    for (int64_t tokens : {0, 1}) {
      std::map<std::string, KernelConstant> constants = {{"input", int64_t(64)}, {"output", int64_t(40)},
                                                         {"rows", int64_t(48)},  {"offset", int64_t(3)},
                                                         {"scheme", scheme},     {"tokens", tokens}};
      Weight w("tiles16", scheme, {0, 48, 64}, 1);
      auto x = Array<float>::random({1, 64}, 2);
      QuantizedRows rows(x);
      Array<float> plain({1, 40}), wanted({1, 1, 40}), capped({1, 40});
      auto run = [&](const LoadedKernel &kernel, Buffer y) {
        isQuantized(scheme) ? kernel(rows, w, y) : kernel(x, w, y);
      };
      run(LoadedKernel("linear", constants), plain);
      Array<float> threeAxes({1, 1, 40});
      threeAxes.data = plain.data;
      LoadedKernel("softcap", {{"heads", int64_t(1)}, {"size", int64_t(40)}, {"cap", 2.5}})(threeAxes,
                                                                                            wanted);
      constants["cap"] = 2.5;
      run(LoadedKernel("linear", constants), capped);
      EXPECT_EQ(capped.data, wanted.data) << scheme << tokens;
      EXPECT_NE(capped.data, plain.data);
    }
}

TEST(Linear, OneTokenIsTheSameAsMany) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    auto x = Array<float>::random({9, int(shape.input)}, 2);
    Array<float> y({9, int(shape.output)}), single({9, int(shape.output)});
    Linear(scheme, shape, 0)(x, y);
    Linear gemv(scheme, shape, 1);
    for (int t = 0; t < 9; ++t)
      gemv(x, single.part(0, {t, t + 1}));
    EXPECT_EQ(y.data, single.data);
  });
}

TEST(Linear, PiecesAreTheSameAsTheWhole) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    auto x = Array<float>::random({7, int(shape.input)}, 2);
    Array<float> whole({7, int(shape.output)}), pieces({7, int(shape.output)});
    Linear linear(scheme, shape, 0);
    linear(x, whole);
    for (int r = 0; r < shape.output; r += 11)
      for (int t = 0; t < 7; t += 5) {
        Range rows{r, std::min(r + 11, int(shape.output))}, tokens{t, std::min(t + 5, 7)};
        linear(x, pieces.part(1, rows).part(0, tokens));
        linear(x, pieces.part(1, {r, r}).part(0, tokens));
      }
    EXPECT_EQ(whole.data, pieces.data);
  });
}

TEST(Linear, TheLargestNumbersDoNotOverflow) {
  // The sums that vpmaddubsw must hold: x 127 or -127, weights at an end of what a scheme's blocks can say.
  struct Extreme {
    const char *scheme;
    uint8_t byte;
    int number;
  };
  for (Extreme extreme : {Extreme{"q8_0", 0x80, -128},
                          {"q8_0", 0x81, -127},
                          {"q8_0", 0x7f, 127},
                          {"q4_0", 0x00, -8},
                          {"q4_0", 0xff, 7}})
    for (float sign : {1.0f, -1.0f})
      for (int64_t tokens : {1, 2}) {
        Linear linear(extreme.scheme, {64, 16, 16, 0}, tokens == 1);
        std::fill(linear.w.bytes[0].begin(), linear.w.bytes[0].end(), extreme.byte);
        for (size_t i = 0; i < linear.w.bytes[1].size(); i += 2)
          linear.w.bytes[1][i] = 0, linear.w.bytes[1][i + 1] = 0x3c; // scale 1
        Array<float> x({int(tokens), 64}), y({int(tokens), 16});
        std::fill(x.data.begin(), x.data.end(), 127 * sign);
        linear(x, y);
        for (float number : y.data)
          EXPECT_EQ(number, 64 * 127 * sign * float(extreme.number));
      }
}

TEST(ExpertLinear, EachTokenUsesItsOwnExperts) {
  for (const char *scheme : {"f32", "bf16", "q8_0", "q4_0"})
    for (int64_t shared : {0, 1})
      for (int64_t output : {40, 9})
        for (int tokens : {0, 1, 3}) {
          const int64_t input = 64, experts = 5, choices = 3;
          Weight w("tiles16", scheme, {experts, output, input}, 1);
          std::vector<int> shape = {tokens, int(choices), int(input)};
          if (shared)
            shape.erase(shape.begin() + 1);
          auto x = Array<float>::random(shape, 2);
          Array<int32_t> ids({tokens, int(choices)});
          for (size_t i = 0; i < ids.data.size(); ++i)
            ids.data[i] = int32_t(i * 3 % experts);
          Array<float> y({tokens, int(choices), int(output)}, 2), pieces(y.shape, 2);
          LoadedKernel kernel("expert_linear", {{"input", input},
                                                {"output", output},
                                                {"experts", experts},
                                                {"choices", choices},
                                                {"shared", shared},
                                                {"scheme", std::string(scheme)}});
          QuantizedRows rows(x);
          auto run = [&](Buffer out) {
            isQuantized(scheme) ? kernel(rows, ids, w, out) : kernel(x, ids, w, out);
          };
          run(y);
          for (int t = 0; t < tokens; ++t)
            for (int i = 0; i < choices; ++i)
              for (int r = 0; r < output; ++r) {
                Sum sum;
                for (int k = 0; k < input; ++k) {
                  std::vector<int> at = {t, i, k}, block = {t, i, k / 32};
                  if (shared)
                    at.erase(at.begin() + 1), block.erase(block.begin() + 1);
                  double number =
                      isQuantized(scheme) ? double(rows.q.at(at)) * rows.scales.at(block) : double(x.at(at));
                  sum.add(number * w.numbers(ids(t, i), r, k));
                }
                ASSERT_NEAR(y(t, i, r), sum.value, 1e-6 * sum.size) << scheme << shared;
              }
          if (tokens != 3)
            continue;
          for (Range part : {Range{0, 7}, {7, 7}, {7, int(output)}})
            for (int i = 0; i < choices; ++i)
              run(pieces.part(2, part).part(1, {i, i + 1}));
          EXPECT_EQ(y.data, pieces.data);
        }
}

TEST(ExpertLinear, EveryScheduleGivesTheSameNumbers) {
  for (const char *scheme : {"f32", "q4_0"}) {
    std::map<std::string, KernelConstant> constants = {
        {"input", int64_t(64)},  {"output", int64_t(100)}, {"experts", int64_t(3)},
        {"choices", int64_t(2)}, {"shared", int64_t(1)},   {"scheme", std::string(scheme)}};
    Weight w("tiles16", scheme, {3, 100, 64}, 1);
    auto x = Array<float>::random({2, 64}, 2);
    QuantizedRows rows(x);
    Array<int32_t> ids({2, 2});
    ids.data = {0, 2, 1, 0};
    std::vector<float> first;
    for (const Schedule &schedule : schedulesFor("expert_linear", constants)) {
      Array<float> y({2, 2, 100}, 3);
      LoadedKernel kernel("expert_linear", constants, schedule);
      isQuantized(scheme) ? kernel(rows, ids, w, y) : kernel(x, ids, w, y);
      if (first.empty())
        first = y.data;
      EXPECT_EQ(y.data, first) << scheme << textOf(schedule);
    }
  }
}

/// Rows of each expert: none, fewer than a group of tokens, a group, one more; all for one of them; none.
const std::vector<std::vector<int>> kCounts = {{0, 1, 7, 0}, {16, 17, 0, 3}, {0, 0, 35, 0}, {0, 0, 0, 0}};

struct Grouped {
  int experts, rows = 0;
  Array<int32_t> offsets;
  explicit Grouped(const std::vector<int> &counts) : experts(int(counts.size())), offsets({experts + 1}) {
    for (int e = 0; e < experts; ++e)
      offsets(e) = rows, rows += counts[size_t(e)];
    offsets(experts) = rows;
  }
  /// Of row p.
  int expert(int p) {
    int e = 0;
    while (offsets(e + 1) <= p)
      ++e;
    return e;
  }
};

/// A grouped_linear kernel with its weights, and x in the form that its scheme wants.
struct GroupedLinear {
  LoadedKernel kernel;
  Weight w;
  std::string scheme;
  Shape shape;

  static std::map<std::string, KernelConstant> constants(const std::string &scheme, const Shape &shape,
                                                         const Grouped &grouped) {
    return {{"input", shape.input},
            {"output", shape.output},
            {"experts", int64_t(grouped.experts)},
            {"scheme", scheme}};
  }

  GroupedLinear(const std::string &scheme, const Shape &shape, const Grouped &grouped,
                const Schedule &schedule = {})
      : kernel("grouped_linear", constants(scheme, shape, grouped), schedule),
        w("tiles16", scheme, {grouped.experts, shape.output, shape.input}, 1), scheme(scheme), shape(shape) {}

  void operator()(Array<float> &x, Grouped &grouped, Buffer y) const {
    if (!isQuantized(scheme))
      return kernel(x, grouped.offsets, w, y);
    QuantizedRows rows(x);
    kernel(rows, grouped.offsets, w, y);
  }

  /// The planes of an expert's matrix.
  std::vector<Buffer> matrix(int expert) {
    std::vector<Buffer> planes = w.planes;
    for (size_t i = 0; i < planes.size(); ++i) {
      planes[i].raw.host += w.bytes[i].size() / size_t(w.numbers.shape[0]) * size_t(expert);
      --planes[i].raw.dimensions; // the slowest
    }
    return planes;
  }
};

template <typename Test>
void forEachGroupedCase(const Test &test) {
  for (const char *scheme : {"f32", "bf16", "q8_0", "q4_0"})
    for (const Shape &shape : {Shape{96, 40, 40, 0}, {64, 9, 9, 0}})
      for (const std::vector<int> &counts : kCounts) {
        SCOPED_TRACE(testing::Message() << scheme << " " << shape.output << "x" << shape.input << " "
                                        << testing::PrintToString(counts));
        test(std::string(scheme), shape, Grouped(counts));
        if (testing::Test::HasFatalFailure())
          return;
      }
}

TEST(GroupedLinear, EachRowMeetsItsExpert) {
  forEachGroupedCase([](const std::string &scheme, const Shape &shape, Grouped grouped) {
    auto x = Array<float>::random({grouped.rows, int(shape.input)}, 2);
    Array<float> y({grouped.rows, int(shape.output)});
    GroupedLinear linear(scheme, shape, grouped);
    linear(x, grouped, y);
    Array<float> seen = asSeen(x, isQuantized(scheme));
    for (int p = 0; p < grouped.rows; ++p)
      for (int r = 0; r < shape.output; ++r) {
        Sum sum;
        for (int k = 0; k < shape.input; ++k)
          sum.add(double(seen(p, k)) * linear.w.numbers(grouped.expert(p), r, k));
        ASSERT_NEAR(y(p, r), sum.value, 1e-6 * sum.size) << p << " " << r;
      }
  });
}

TEST(GroupedLinear, EveryScheduleGivesTheSameNumbers) {
  for (const char *scheme : {"f32", "q8_0", "q4_0"}) {
    Shape shape{96, 40, 40, 0};
    Grouped grouped({16, 17, 0, 3});
    auto x = Array<float>::random({grouped.rows, int(shape.input)}, 2);
    std::vector<float> first;
    std::vector<Schedule> schedules =
        schedulesFor("grouped_linear", GroupedLinear::constants(scheme, shape, grouped));
    if (!schedules.empty()) // experts with several blocks of rows
      schedules.push_back(schedules[0]), schedules.back().tokenGroups = 2;
    for (const Schedule &schedule : schedules) {
      Array<float> y({grouped.rows, int(shape.output)}, 3);
      GroupedLinear(scheme, shape, grouped, schedule)(x, grouped, y);
      if (first.empty())
        first = y.data;
      EXPECT_EQ(y.data, first) << scheme << textOf(schedule);
    }
  }
}

TEST(GroupedLinear, IsTheSameAsLinearForEachExpert) {
  forEachGroupedCase([](const std::string &scheme, const Shape &shape, Grouped grouped) {
    auto x = Array<float>::random({grouped.rows, int(shape.input)}, 2);
    Array<float> y({grouped.rows, int(shape.output)}, 3), wanted(y.shape, 3);
    GroupedLinear linear(scheme, shape, grouped);
    linear(x, grouped, y);
    Linear one(scheme, shape, 0);
    QuantizedRows rows(x);
    for (int e = 0; e < grouped.experts; ++e) {
      Buffer part = wanted.part(0, {grouped.offsets(e), grouped.offsets(e + 1)});
      isQuantized(scheme) ? one.kernel(rows, linear.matrix(e), part) : one.kernel(x, linear.matrix(e), part);
    }
    EXPECT_EQ(y.data, wanted.data);
  });
}

TEST(GroupedLinear, PiecesAreTheSameAsTheWhole) {
  forEachGroupedCase([](const std::string &scheme, const Shape &shape, Grouped grouped) {
    auto x = Array<float>::random({grouped.rows, int(shape.input)}, 2);
    Array<float> whole({grouped.rows, int(shape.output)}, 3), pieces(whole.shape, 3);
    GroupedLinear linear(scheme, shape, grouped);
    linear(x, grouped, whole);
    auto cut = [](Range range, int end) {
      return Range{std::min(range.begin, end), std::min(range.end, end)};
    };
    for (Range rows : {Range{0, 16}, {16, 21}, {21, 40}})
      for (Range tokens : {Range{0, 9}, {9, 41}}) {
        Buffer part = pieces.part(1, cut(rows, int(shape.output)));
        linear(x, grouped, part.part(0, cut(tokens, grouped.rows)));
      }
    EXPECT_EQ(whole.data, pieces.data);
  });
}

} // namespace
