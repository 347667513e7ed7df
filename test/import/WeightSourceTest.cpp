//===- WeightSourceTest.cpp - numbers of a checkpoint as float32 ----------------------------------------===//

#include "compiler/import/WeightSource.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <limits>

namespace gemmac {
namespace {

/// Numbers behind one byte, where no file aligns them.
template <typename Bits>
struct Stored {
  std::vector<uint8_t> bytes;
  SourceTensor tensor;

  Stored(const char *scheme, const std::vector<Bits> &numbers) : bytes(1 + numbers.size() * sizeof(Bits)) {
    std::memcpy(bytes.data() + 1, numbers.data(), numbers.size() * sizeof(Bits));
    tensor = {"t", scheme, {int64_t(numbers.size())}, std::span<const uint8_t>(bytes).subspan(1)};
  }

  std::vector<float> read(int64_t first, int64_t count) const {
    std::vector<float> out(count);
    readNumbers(tensor, first, out);
    return out;
  }
};

/// IEEE binary16, by its definition.
float definitionOfF16(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  return float(bits >> 15 ? -magnitude : magnitude);
}

std::vector<uint16_t> everySixteenBits() {
  std::vector<uint16_t> all(1 << 16);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = uint16_t(i);
  return all;
}

TEST(WeightSource, ReadsEveryF16) {
  std::vector<float> read = Stored<uint16_t>("f16", everySixteenBits()).read(0, 1 << 16);
  for (size_t i = 0; i < read.size(); ++i) {
    float wanted = definitionOfF16(uint16_t(i));
    if (std::isnan(wanted))
      EXPECT_TRUE(std::isnan(read[i])) << i;
    else
      EXPECT_EQ(std::bit_cast<uint32_t>(read[i]), std::bit_cast<uint32_t>(wanted)) << i;
  }
}

TEST(WeightSource, Bf16IsTheUpperHalfOfF32) {
  std::vector<float> read = Stored<uint16_t>("bf16", everySixteenBits()).read(0, 1 << 16);
  for (size_t i = 0; i < read.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint32_t>(read[i]), uint32_t(i) << 16);
}

TEST(WeightSource, ReadsARange) {
  Stored<float> stored("f32", {1.0f, -2.5f, 3.0f, 4.0f});
  EXPECT_EQ(stored.read(1, 2), (std::vector<float>{-2.5f, 3.0f}));
  EXPECT_TRUE(stored.read(4, 0).empty());
  Stored<uint16_t> half("bf16", {0x3f80, 0x4000, 0xc040});
  EXPECT_EQ(half.read(1, 2), (std::vector<float>{2.0f, -3.0f}));
}

TEST(WeightSource, KnowsWhatItCanRead) {
  EXPECT_TRUE(canReadNumbers("bf16"));
  EXPECT_FALSE(canReadNumbers("i64"));
  EXPECT_FALSE(canReadNumbers("F32"));
}

TEST(WeightSource, AScalarIsOneNumber) {
  EXPECT_EQ((SourceTensor{"s", "f32", {}, {}}).numbers(), 1);
  EXPECT_EQ((SourceTensor{"s", "f32", {3, 0}, {}}).numbers(), 0);
}

} // namespace
} // namespace gemmac
