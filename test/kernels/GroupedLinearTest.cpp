//===- GroupedLinearTest.cpp - each expert's tokens times its matrix ------------------------------------===//

#include "LinearCases.h"

using namespace gemmac;
using namespace gemmac::test;

namespace {

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

const Shape kShapes[] = {{96, 40, 40, 0}, {64, 9, 9, 0}};

template <typename Test>
void forEachGroupedCase(const Test &test) {
  for (const std::string &scheme : weightSchemes())
    for (const Shape &some : casesOf(scheme, kShapes))
      for (const std::vector<int> &counts : kCounts) {
        Shape shape = wholeBlocks(scheme, some);
        SCOPED_TRACE(testing::Message() << scheme << " " << shape.output << "x" << shape.input << " "
                                        << testing::PrintToString(counts));
        test(scheme, shape, Grouped(counts));
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
  for (const std::string &scheme : weightSchemes()) {
    Shape shape = wholeBlocks(scheme, {96, 40, 40, 0});
    Grouped grouped({16, 17, 0, 3});
    auto x = Array<float>::random({grouped.rows, int(shape.input)}, 2);
    std::vector<float> first;
    for (const Schedule &schedule :
         schedulesOf("grouped_linear", GroupedLinear::constants(scheme, shape, grouped))) {
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
