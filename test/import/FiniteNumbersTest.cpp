//===- FiniteNumbersTest.cpp - numbers that are not finite are found in every format --------------------===//

#include "compiler/import/FiniteNumbers.h"
#include "compiler/import/BlockFormats.h"
#include "contract/SmallFloats.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <vector>

namespace gemmac {
namespace {

const char *const kFormats[] = {"f32",  "f16",  "bf16", "q4_0", "q4_1", "q5_0",   "q5_1",   "q8_0",
                                "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4"};

class EveryFormat : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(FiniteNumbers, EveryFormat, testing::ValuesIn(kFormats),
                         [](const auto &info) { return std::string(info.param); });

// Any bytes: what is found is the first number that the decoder makes infinite or NaN. Bytes that are often
// all ones make scales so.
TEST_P(EveryFormat, AgreesWithTheDecoder) {
  const BlockFormat &format = *findBlockFormat(GetParam());
  std::mt19937 random(1);
  int finite = 0, other = 0;
  for (int round = 0; round < 600; ++round) {
    int64_t blocks = 1 + random() % 3;
    std::vector<uint8_t> bytes(size_t(blocks * format.bytes));
    for (uint8_t &byte : bytes)
      byte = random() % 16 == 0 ? 0x7f : random() % 16 == 0 ? 0xff : uint8_t(random() & 0x3f);
    std::vector<float> numbers(size_t(blocks * format.numbers));
    format.decode(bytes.data(), int64_t(numbers.size()), numbers.data());
    std::optional<int64_t> expected;
    for (size_t i = 0; i < numbers.size() && !expected; ++i)
      if (!std::isfinite(numbers[i]))
        expected = int64_t(i);
    EXPECT_EQ(firstNotFinite(format.scheme, bytes), expected);
    EXPECT_EQ(firstNotFinite(numbers), expected);
    (expected ? other : finite) += 1;
  }
  EXPECT_GT(finite, 0);
  EXPECT_GT(other, 0);
}

TEST_P(EveryFormat, LooksAtAllOfALongRow) {
  const BlockFormat &format = *findBlockFormat(GetParam());
  std::vector<uint8_t> bytes(size_t(40000 / format.numbers * format.bytes), 0);
  EXPECT_EQ(firstNotFinite(format.scheme, bytes), std::nullopt);
  std::fill(bytes.end() - format.bytes, bytes.end(), 0xff);
  ASSERT_TRUE(firstNotFinite(format.scheme, bytes));
  EXPECT_GE(*firstNotFinite(format.scheme, bytes), 40000 / format.numbers * format.numbers - format.numbers);
}

} // namespace
} // namespace gemmac
