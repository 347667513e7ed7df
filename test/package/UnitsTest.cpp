//===- UnitsTest.cpp - amounts as people read and write them --------------------------------------------===//

#include "compiler/package/Units.h"

#include <gtest/gtest.h>

using namespace gemmac;

namespace {

TEST(Units, BytesHaveThreeDigits) {
  EXPECT_EQ(bytesText(0), "0 B");
  EXPECT_EQ(bytesText(999), "999 B");
  EXPECT_EQ(bytesText(1000), "1.00 kB");
  EXPECT_EQ(bytesText(999'499), "999 kB");
  EXPECT_EQ(bytesText(999'500), "1.00 MB");
  EXPECT_EQ(bytesText(12'340'000), "12.3 MB");
  EXPECT_EQ(bytesText(50'000'000'000), "50.0 GB");
  EXPECT_EQ(bytesText(UINT64_MAX), "18446744 TB");
}

TEST(Units, SizesAreReadWithAndWithoutAUnit) {
  EXPECT_EQ(parseBytes("300000000"), 300'000'000u);
  EXPECT_EQ(parseBytes("20GB"), 20'000'000'000u);
  EXPECT_EQ(parseBytes("1.5 tb"), 1'500'000'000'000u);
  EXPECT_EQ(parseBytes("0"), 0u);
  EXPECT_EQ(parseBytes("7 B"), 7u);
  for (const char *text : {"", ".", "GB", "many", "-1", "1.5", "1e3GB", "20 apples", "20 G", "1..5GB",
                           "99999999999 TB", "99999999999999999999", "nan", "1 GB "})
    EXPECT_EQ(parseBytes(text), std::nullopt) << text;
}

} // namespace
