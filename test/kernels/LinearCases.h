//===- LinearCases.h - what the tests of linear kernels share -------------------------------------------===//

#ifndef GEMMAC_TEST_KERNELS_LINEARCASES_H
#define GEMMAC_TEST_KERNELS_LINEARCASES_H

#include "StandIns.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gemmac::test {

struct Shape {
  int64_t input, output, rows, offset;
};

/// Awkward on purpose: rows that fill no tile, ranges that begin inside one, one column. The first has
/// several tiles too.
inline const Shape kFloatShapes[] = {
    {40, 100, 120, 7}, {64, 48, 48, 0}, {33, 12, 12, 0}, {1, 8, 40, 13}, {16, 1, 1, 0}};
inline const Shape kBlockShapes[] = {
    {160, 100, 120, 7}, {64, 48, 48, 0}, {32, 12, 12, 0}, {96, 8, 40, 13}, {32, 1, 1, 0}};

inline const SchemeRow &rowOf(const std::string &scheme) {
  return gemmac::rowOf(*findScheme(scheme));
}

inline bool isQuantized(const std::string &scheme) {
  return rowOf(scheme).quantized();
}

/// The shape with columns enough for whole blocks.
inline Shape wholeBlocks(const std::string &scheme, Shape shape) {
  int64_t block = rowOf(scheme).block;
  shape.input = (shape.input + block - 1) / block * block;
  return shape;
}

template <typename Test>
void forEachCase(const Test &test) {
  for (const std::string &scheme : weightSchemes())
    for (const Shape &some : casesOf(scheme, isQuantized(scheme) ? kBlockShapes : kFloatShapes)) {
      Shape shape = wholeBlocks(scheme, some);
      SCOPED_TRACE(testing::Message() << scheme << " " << shape.output << "x" << shape.input);
      test(scheme, shape);
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
inline Array<float> asSeen(Array<float> x, bool quantized) {
  if (!quantized)
    return x;
  QuantizedRows rows(x);
  for (int t = 0; t < x.shape[0]; ++t)
    for (int k = 0; k < x.shape[1]; ++k)
      x(t, k) = float(rows.q(t, k)) * rows.scales(t, k / 32 * 2);
  return x;
}

} // namespace gemmac::test

#endif
