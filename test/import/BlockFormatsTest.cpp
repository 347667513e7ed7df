//===- BlockFormatsTest.cpp - numbers in blocks ---------------------------------------------------------===//

#include "compiler/import/BlockFormats.h"
#include "compiler/import/Safetensors.h"
#include "compiler/import/WeightSource.h"
#include "gtest/gtest.h"
#include <cmath>
#include <filesystem>
#include <random>

namespace gemmac {
namespace {

/// Blocks of a scheme as random bytes; scales are whatever finite binary16 they happen to be.
struct RandomBlocks {
  std::vector<uint8_t> bytes;
  SourceTensor tensor;

  RandomBlocks(const std::string &scheme, int64_t blocks) {
    const BlockFormat &format = *findBlockFormat(scheme);
    std::mt19937 random(7);
    // Below the exponent of infinity, whatever pair of bytes is a scale.
    std::generate_n(std::back_inserter(bytes), blocks * format.bytes, [&] { return random() & 0x3b; });
    tensor = {"t", scheme, {blocks * format.numbers}, bytes};
  }
  std::vector<float> read(int64_t first, int64_t count) const {
    std::vector<float> out(count);
    readNumbers(tensor, first, out);
    return out;
  }
};

class Blocks : public testing::TestWithParam<const char *> {};

std::string recordedName(std::string scheme) {
  for (char &c : scheme)
    c = char(std::toupper(c));
  return scheme;
}

TEST_P(Blocks, HoldTheRecordedNumbers) {
  std::string file = GEMMAC_SHARED_DIR "/golden/quant-blocks/blocks.safetensors";
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  auto recorded = openSafetensorsFile(file);
  ASSERT_TRUE(bool(recorded)) << llvm::toString(recorded.takeError());
  const SourceTensor *raw = (*recorded)->find(recordedName(GetParam()) + ".raw");
  const SourceTensor *values = (*recorded)->find(recordedName(GetParam()) + ".values");
  ASSERT_TRUE(raw && values);
  const BlockFormat &format = *findBlockFormat(GetParam());
  ASSERT_EQ(raw->numbers() / format.bytes * format.numbers, values->numbers());
  SourceTensor tensor{"t", GetParam(), values->shape, raw->bytes};
  std::vector<float> read(values->numbers()), wanted(values->numbers());
  readNumbers(tensor, 0, read);
  readNumbers(*values, 0, wanted);
  EXPECT_EQ(read, wanted);
}

TEST_P(Blocks, AreReadFromAnyNumberOn) {
  RandomBlocks blocks(GetParam(), 4);
  const int64_t size = findBlockFormat(GetParam())->numbers, all = 4 * size;
  std::vector<float> whole = blocks.read(0, all);
  for (int64_t first : {int64_t(0), int64_t(1), size - 1, size, size + 5, 3 * size, all - 1, all})
    for (int64_t count : {int64_t(0), int64_t(1), int64_t(3), size, size + 1, 2 * size + 7, all - first})
      if (first + count <= all)
        EXPECT_EQ(blocks.read(first, count),
                  std::vector<float>(whole.begin() + first, whole.begin() + first + count))
            << first << " " << count;
}

INSTANTIATE_TEST_SUITE_P(All, Blocks,
                         testing::Values("q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k",
                                         "q5_k", "q6_k", "iq4_nl"),
                         [](const auto &info) { return std::string(info.param); });

/// IEEE binary16, by its definition.
double half(const uint8_t *bytes) {
  int bits = bytes[0] | bytes[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent ? std::ldexp(1024 + fraction, exponent - 25) : std::ldexp(fraction, -24);
  return bits >> 15 ? -magnitude : magnitude;
}

// f16 scale; u16 upper bits of 8 group scales; their lower halves in 4 bytes; 8 groups of IQ4_NL's pairs.
TEST(BlockFormats, Iq4XsHasGroupsOfIq4Nl) {
  RandomBlocks blocks("iq4_xs", 3);
  std::vector<float> read = blocks.read(0, 3 * 256);
  for (int i = 0; i < 3 * 256; ++i) {
    const uint8_t *block = blocks.bytes.data() + i / 256 * 136;
    int group = i % 256 / 32, column = i % 32;
    int upper = (block[2] | block[3] << 8) >> 2 * group & 3;
    int step = (block[4 + group / 2] >> 4 * (group % 2) & 15) + 16 * upper - 32;
    uint8_t ofOne[18] = {0x00, 0x3c}; // the scale 1
    std::copy_n(block + 8 + 16 * group, 16, ofOne + 2);
    float numbers[32];
    findBlockFormat("iq4_nl")->decode(ofOne, 32, numbers);
    EXPECT_EQ(read[i], half(block) * step * numbers[column]) << i;
  }
}

/// A 4-bit float of OCP's Microscaling formats, by its definition: sign, two bits of exponent, one of
/// fraction.
double e2m1(int bits) {
  int exponent = bits >> 1 & 3, fraction = bits & 1;
  double magnitude = exponent ? std::ldexp(2 + fraction, exponent - 2) : 0.5 * fraction;
  return bits & 8 ? -magnitude : magnitude;
}

// Every scale with every number: subnormal results, and those that are too large for a float32.
TEST(BlockFormats, Mxfp4IsE2m1TimesAPowerOfTwo) {
  const BlockFormat &format = *findBlockFormat("mxfp4");
  ASSERT_EQ(format.bytes, 17);
  ASSERT_EQ(format.numbers, 32);
  for (int scale = 0; scale < 256; ++scale) {
    uint8_t block[17] = {uint8_t(scale)};
    for (int i = 0; i < 16; ++i)
      block[1 + i] = uint8_t(i | (15 - i) << 4); // low halves are numbers 0 … 15, high ones 16 … 31
    float numbers[32];
    format.decode(block, 32, numbers);
    for (int i = 0; i < 32; ++i)
      EXPECT_EQ(numbers[i], float(std::ldexp(e2m1(i < 16 ? i : 31 - i), scale - 127))) << scale << " " << i;
  }
}

// A byte of each kind as ggml's dequantize_row_mxfp4 reads it.
TEST(BlockFormats, Mxfp4ReadsExtremeScalesAsGgmlDoes) {
  auto first = [](uint8_t scale, uint8_t pair) {
    uint8_t block[17] = {scale, pair};
    float numbers[32];
    findBlockFormat("mxfp4")->decode(block, 32, numbers);
    return numbers[0];
  };
  EXPECT_EQ(first(0, 1), 0x1p-128f);
  EXPECT_EQ(first(1, 0xf), -12 * 0x1p-127f);
  EXPECT_EQ(first(2, 7), 12 * 0x1p-126f);
  EXPECT_EQ(first(127, 2), 1.0f);
  EXPECT_EQ(first(254, 3), 3 * 0x1p126f);
  EXPECT_EQ(first(254, 7), INFINITY) << "6 * 2^127 is no float32";
  EXPECT_EQ(first(255, 1), 0x1p127f) << "not NaN";
}

TEST(BlockFormats, KnowSizesOfWhatNobodyReads) {
  EXPECT_EQ(findBlockFormat("q8_k")->bytes, 292);
  EXPECT_FALSE(canReadNumbers("q8_k"));
  EXPECT_FALSE(canReadNumbers(""));
  EXPECT_EQ(findBlockFormat("q4_K"), nullptr);
}

} // namespace
} // namespace gemmac
