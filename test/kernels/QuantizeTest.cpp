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
        int blocks = int(heads * size / 32);
        auto x = Array<float>::random({tokens, int(heads), int(size)}, 1, 32);
        if (tokens > 1) {
          for (int c = 0; c < 32; ++c)
            x(1, 0, c) = 0; // a block of zeros
          for (int c = 0; c < 32; ++c)
            x(0, 0, c) = float(c - 15) * 0.5f; // ties
          x(0, 0, 31) = 127;
        }
        QuantizedRows wanted(x);
        LoadedKernel kernel("quantize", {{"heads", heads}, {"size", size}});
        QuantizedOutput whole(tokens, blocks), pieces(tokens, blocks);
        kernel(x, whole);
        whole.expectEqual(wanted);
        for (Range part : {Range{0, tokens / 2}, {tokens / 2, tokens}})
          for (int b = 0; b < blocks; ++b)
            kernel(x, pieces.part(part, {b, b + 1}));
        pieces.expectEqual(wanted);
      }
}

/// What a family leaves quantized is what quantize makes of what it leaves as floats.
template <typename... Args>
void expectQuantizesItsRows(const std::string &family, std::map<std::string, KernelConstant> constants,
                            std::vector<int> shape, Args &&...inputs) {
  Array<float> floats(shape);
  LoadedKernel(family, constants)(inputs..., floats);
  QuantizedRows wanted(floats);
  constants["quantized"] = int64_t(1);
  LoadedKernel kernel(family, constants);
  int tokens = shape[0], blocks = shape[1] * shape[2] / 32;
  QuantizedOutput whole(tokens, blocks), pieces(tokens, blocks);
  kernel(inputs..., whole);
  whole.expectEqual(wanted);
  for (Range part : {Range{0, tokens / 2}, {tokens / 2, tokens}})
    for (Range of : {Range{0, 1}, {1, blocks}})
      kernel(inputs..., pieces.part(part, of));
  pieces.expectEqual(wanted);
}

TEST(Quantize, NormsLeaveTheirRowsQuantized) {
  for (int64_t weighted : {0, 1})
    for (int64_t size : {32, 96, 1536})
      for (int tokens : {0, 1, 5}) {
        auto x = Array<float>::random({tokens, 1, int(size)}, 1, 3), w = Array<float>::random({int(size)}, 2);
        if (tokens > 1)
          for (int c = 0; c < 32; ++c)
            x(1, 0, c) = 0;
        std::map<std::string, KernelConstant> constants = {
            {"heads", int64_t(1)}, {"size", size}, {"weighted", weighted}, {"eps", 1e-6}};
        std::vector<int> shape = {tokens, 1, int(size)};
        weighted ? expectQuantizesItsRows("rms_norm", constants, shape, x, w)
                 : expectQuantizesItsRows("rms_norm", constants, shape, x);
      }
}

TEST(Quantize, GatedProductsLeaveTheirRowsQuantized) {
  for (auto [heads, size] : {std::pair<int64_t, int64_t>{1, 32}, {1, 192}, {3, 64}})
    for (int tokens : {0, 1, 5}) {
      auto a = Array<float>::random({tokens, int(heads), int(size)}, 1, 5),
           b = Array<float>::random({tokens, int(heads), int(size)}, 2);
      expectQuantizesItsRows("gelu_mul", {{"heads", heads}, {"size", size}}, {tokens, int(heads), int(size)},
                             a, b);
    }
}

} // namespace
