//===- LinearTest.cpp - x times the transpose of a weight
//---------------------------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

using namespace gemmac;
using namespace gemmac::test;

namespace {

struct Shape {
  int64_t input, output, rows, offset;
};

LoadedKernel linear(const Shape &shape, const std::string &scheme, int64_t tokens) {
  return LoadedKernel("linear", {{"input", shape.input},
                                 {"output", shape.output},
                                 {"rows", shape.rows},
                                 {"offset", shape.offset},
                                 {"scheme", scheme},
                                 {"tokens", tokens}});
}

/// Awkward on purpose: rows that fill no tile, ranges that begin inside one, one column.
const Shape kFloatShapes[] = {
    {64, 48, 48, 0}, {33, 12, 12, 0}, {1, 8, 40, 13}, {40, 100, 120, 7}, {16, 1, 1, 0}};

TEST(Linear, FloatsAgreeWithSums) {
  for (const char *scheme : {"f32", "bf16"})
    for (const Shape &shape : kFloatShapes)
      for (int tokens : {0, 1, 5, 17}) {
        Weight w("tiles16", scheme, {0, shape.rows, shape.input}, 1);
        auto x = Array<float>::random({tokens, int(shape.input)}, 2, 3);
        Array<float> y({tokens, int(shape.output)}, 5);
        linear(shape, scheme, 0)(x, w, y);
        for (int t = 0; t < tokens; ++t)
          for (int r = 0; r < shape.output; ++r) {
            double sum = 0, size = 0;
            for (int k = 0; k < shape.input; ++k) {
              double product = double(x(t, k)) * w.numbers(0, r + shape.offset, k);
              sum += product, size += std::abs(product);
            }
            ASSERT_NEAR(y(t, r), sum, 1e-6 * size) << scheme << " " << t << " " << r;
          }
        for (int t = 0; t < tokens; ++t)
          for (int gap = 0; gap < 5; ++gap)
            ASSERT_EQ(y(t, int(shape.output) + gap), 77);
      }
}

TEST(Linear, OneTokenIsTheSameAsMany) {
  for (const char *scheme : {"f32", "bf16"})
    for (const Shape &shape : kFloatShapes) {
      Weight w("tiles16", scheme, {0, shape.rows, shape.input}, 1);
      auto x = Array<float>::random({9, int(shape.input)}, 2);
      Array<float> y({9, int(shape.output)}), single({9, int(shape.output)});
      linear(shape, scheme, 0)(x, w, y);
      LoadedKernel gemv = linear(shape, scheme, 1);
      for (int t = 0; t < 9; ++t)
        gemv(x, w, single.part(0, {t, t + 1}));
      EXPECT_EQ(y.data, single.data) << scheme;
    }
}

TEST(Linear, PiecesAreTheSameAsTheWhole) {
  for (const char *scheme : {"f32", "bf16"})
    for (const Shape &shape : kFloatShapes) {
      Weight w("tiles16", scheme, {0, shape.rows, shape.input}, 1);
      auto x = Array<float>::random({7, int(shape.input)}, 2);
      Array<float> whole({7, int(shape.output)}), pieces({7, int(shape.output)});
      LoadedKernel kernel = linear(shape, scheme, 0);
      kernel(x, w, whole);
      for (int r = 0; r < shape.output; r += 11)
        for (int t = 0; t < 7; t += 5) {
          Range rows{r, std::min(r + 11, int(shape.output))}, tokens{t, std::min(t + 5, 7)};
          kernel(x, w, pieces.part(1, rows).part(0, tokens));
          kernel(x, w, pieces.part(1, {r, r}).part(0, tokens));
        }
      EXPECT_EQ(whole.data, pieces.data) << scheme;
    }
}

} // namespace
