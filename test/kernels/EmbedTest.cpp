//===- EmbedTest.cpp - rows of a table, by token -----------------------------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

using namespace gemmac;
using namespace gemmac::test;

namespace {

TEST(Embed, RowsComeInEverySchemeAndLayout) {
  for (const char *layout : {"rows", "tiles16"})
    for (const char *scheme : {"f32", "bf16", "q8_0", "q4_0"})
      for (auto [offset, width] : {std::pair<int64_t, int64_t>{0, 96}, {32, 40}, {5, 3}}) {
        const int64_t vocabulary = 37, columns = 96;
        Weight table(layout, scheme, {0, vocabulary, columns}, 1);
        Array<int32_t> ids({6});
        ids.data = {3, 36, 0, 16, 15, 3};
        Array<float> y({6, int(width)}, 2), pieces({6, int(width)}, 2);
        LoadedKernel kernel("embed", {{"vocab", vocabulary},
                                      {"columns", columns},
                                      {"width", width},
                                      {"offset", offset},
                                      {"scale", 1.5},
                                      {"scheme", std::string(scheme)},
                                      {"layout", std::string(layout)}});
        kernel(ids, table, y);
        for (int t = 0; t < 6; ++t)
          for (int c = 0; c < width; ++c)
            ASSERT_EQ(y(t, c), 1.5f * table.numbers(0, ids(t), c + offset)) << layout << scheme;
        for (Range tokens : {Range{0, 2}, {2, 2}, {2, 6}})
          for (Range numbers : {Range{0, 2}, {2, int(width)}})
            kernel(ids, table, pieces.part(0, tokens).part(1, numbers));
        EXPECT_EQ(y.data, pieces.data);
      }
}

} // namespace
