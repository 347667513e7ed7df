//===- QuantizeTest.cpp - rows to int8 ------------------------------------------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

using namespace gemmac;
using namespace gemmac::test;

namespace {

TEST(Quantize, GivesTheNearestBytesExactly) {
  for (int64_t heads : {1, 3})
    for (int64_t size : {32, 160})
      for (int tokens : {0, 1, 5}) {
        int blocks = int(size / 32);
        auto x = Array<float>::random({tokens, int(heads), int(size)}, 1, 32);
        if (tokens > 1) {
          for (int c = 0; c < 32; ++c)
            x(1, 0, c) = 0; // a block of zeros
          for (int c = 0; c < 32; ++c)
            x(0, 0, c) = float(c - 15) * 0.5f; // ties
          x(0, 0, 31) = 127;
        }
        QuantizedRows wanted(x);
        Array<int8_t> q({tokens, int(heads), int(size)}, 32);
        Array<float> scales({tokens, int(heads), blocks}, 3);
        Array<int32_t> sums({tokens, int(heads), blocks}, 1);
        LoadedKernel kernel("quantize", {{"heads", heads}, {"size", size}});
        kernel(x, q, scales, sums);
        EXPECT_EQ(q.data, wanted.q.data);
        EXPECT_EQ(scales.data, wanted.scales.data);
        EXPECT_EQ(sums.data, wanted.sums.data);

        Array<int8_t> q2(q.shape, 32);
        Array<float> scales2(scales.shape, 3);
        Array<int32_t> sums2(sums.shape, 1);
        for (Range part : {Range{0, tokens / 2}, {tokens / 2, tokens}})
          for (int b = 0; b < blocks; ++b)
            kernel(x, q2.part(0, part).part(2, {32 * b, 32 * b + 32}),
                   scales2.part(0, part).part(2, {b, b + 1}), sums2.part(0, part).part(2, {b, b + 1}));
        EXPECT_EQ(q.data, q2.data);
        EXPECT_EQ(scales.data, scales2.data);
        EXPECT_EQ(sums.data, sums2.data);
      }
}

} // namespace
