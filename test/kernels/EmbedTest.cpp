//===- EmbedTest.cpp - rows of a table, by token --------------------------------------------------------===//

#include "StandIns.h"

#include <gtest/gtest.h>

#include <sys/mman.h>

using namespace gemmac;
using namespace gemmac::test;

namespace {

struct Columns {
  int64_t offset, width;
};
const Columns kColumns[] = {{32, 40}, {0, 96}, {5, 3}, {250, 9}};

TEST(Embed, RowsComeInEverySchemeAndLayout) {
  for (const char *layout : {"rows", "tiles16"})
    for (const std::string &scheme : weightSchemes())
      for (auto [offset, width] : casesOf(scheme, kColumns)) {
        const int64_t vocabulary = 37, columns = rowOf(*findScheme(scheme)).block == 256 ? 512 : 288;
        Weight table(layout, scheme, {0, vocabulary, columns}, 1);
        Array<int32_t> ids({6});
        ids.data = {3, 36, 0, 16, 15, 3};
        Array<float> y({6, int(width)}, 2), pieces({6, int(width)}, 2);
        LoadedKernel kernel("embed", {{"vocab", vocabulary},
                                      {"columns", columns},
                                      {"width", width},
                                      {"offset", offset},
                                      {"scale", 1.5},
                                      {"scheme", scheme},
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

// The table of per-layer embeddings of Gemma 4 E2B has more numbers than 32 bits count. Only the rows that
// are looked at take memory.
TEST(Embed, TablesMayHaveMoreNumbersThan32BitsCount) {
  if (kernelsAreEmulated())
    GTEST_SKIP() << "a call under the emulator copies the table";
  const int64_t vocabulary = 262144, columns = 8960, width = 64, offset = 8896;
  void *memory = mmap(nullptr, size_t(vocabulary * columns), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto *numbers = static_cast<int8_t *>(memory);
  Buffer table(numbers, halide_type_of<int8_t>(), {int(vocabulary), int(columns)}, {int(columns), 1});
  Array<Bits16> scales({int(vocabulary), int(columns / 32)});
  Array<int32_t> ids({2});
  ids.data = {262143, 250000};
  for (int t = 0; t < 2; ++t)
    for (int c = 0; c < width; ++c) {
      numbers[ids(t) * columns + offset + c] = int8_t(c + t);
      scales(ids(t), (int(offset) + c) / 32) = 0x3c00;
    }
  Array<float> y({2, int(width)});
  LoadedKernel("embed", {{"vocab", vocabulary},
                         {"columns", columns},
                         {"width", width},
                         {"offset", offset},
                         {"scale", 1.0},
                         {"scheme", std::string("q8_0")},
                         {"layout", std::string("rows")}})(ids, table, scales, y);
  for (int t = 0; t < 2; ++t)
    for (int c = 0; c < width; ++c)
      EXPECT_EQ(y(t, c), c + t);
  munmap(memory, size_t(vocabulary * columns));
}

} // namespace
