//===- CodebookFormatsTest.cpp - importance-matrix and ternary formats ----------------------------------===//
// codebook-blocks.safetensors has what PyPI's gguf decodes: make_codebook_blocks.py.

#include "compiler/import/CodebookFormats.h"
#include "compiler/import/BlockFormats.h"
#include "compiler/import/Safetensors.h"
#include "compiler/import/WeightSource.h"
#include "contract/HoldingScheme.h"
#include "contract/SmallFloats.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

namespace gemmac {
namespace {

class CodedBlocks : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto opened = openSafetensorsFile(GEMMAC_IMPORT_TESTS_DIR "/codebook-blocks.safetensors");
    ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
    recorded = std::move(*opened);
  }

  const SourceTensor *find(const char *what) const {
    std::string name = GetParam();
    for (char &c : name)
      c = char(std::toupper(c));
    return recorded->find(name + what);
  }

  /// The numbers of recorded blocks as the table of formats decodes them.
  std::vector<float> decoded(const SourceTensor &raw) const {
    const BlockFormat &format = *findBlockFormat(GetParam());
    EXPECT_EQ(raw.shape.back(), format.bytes);
    std::vector<float> numbers(raw.bytes.size() / size_t(format.bytes) * size_t(format.numbers));
    SourceTensor tensor{"t", GetParam(), {int64_t(numbers.size())}, raw.bytes};
    readNumbers(tensor, 0, numbers);
    return numbers;
  }

  std::unique_ptr<WeightSource> recorded;
};

TEST_P(CodedBlocks, HoldTheRecordedNumbers) {
  const SourceTensor *raw = find(".raw"), *values = find(".values");
  ASSERT_TRUE(raw && values);
  std::vector<float> wanted(size_t(values->numbers()));
  readNumbers(*values, 0, wanted);
  EXPECT_EQ(decoded(*raw), wanted);
}

/// iq1_m has the codebook of iq1_s; tq2_0 has none.
class Codebooks : public CodedBlocks {};

TEST_P(Codebooks, HoldTheRecordedNumbers) {
  const SourceTensor *raw = find(".all.raw"), *values = find(".all.values");
  ASSERT_TRUE(raw && values);
  std::vector<float> wanted;
  for (uint8_t byte : values->bytes)
    wanted.push_back(float(int8_t(byte)));
  EXPECT_EQ(decoded(*raw), wanted);
}

/// What a scheme holds of recorded blocks, and what they are.
struct Held {
  std::vector<float> numbers, decoded;
};

class HeldBlocks : public CodedBlocks {
protected:
  /// Blocks of random bytes with this scale.
  Held through(Scheme scheme, uint16_t scale) const {
    const BlockFormat &format = *findBlockFormat(GetParam());
    std::mt19937 random(3);
    std::vector<uint8_t> bytes(size_t(20 * format.bytes));
    for (uint8_t &byte : bytes)
      byte = uint8_t(random());
    for (size_t block = 0; block < bytes.size(); block += size_t(format.bytes))
      setScale(&bytes[block], scale);
    const int64_t count = 20 * format.numbers;
    std::vector<uint8_t> stored(size_t(storedRowBytes(scheme, count)));
    format.convert(bytes.data(), count, rowOf(scheme), stored.data());
    Held held{std::vector<float>(size_t(count)), decoded({"t", "u8", {20, format.bytes}, bytes})};
    loadRow(scheme, stored.data(), held.numbers);
    return held;
  }

private:
  static void setScale(uint8_t *block, uint16_t scale) {
    std::string_view name = GetParam();
    if (name != "iq1_m") {
      std::memcpy(block + (name == "tq1_0" ? 52 : name == "tq2_0" ? 64 : 0), &scale, 2);
      return;
    }
    for (int i = 0; i < 4; ++i)
      block[49 + 2 * i] = uint8_t((block[49 + 2 * i] & 15) | (scale >> 4 * i & 15) << 4);
  }
};

/// Those whose integers and factors a scheme with factors has.
class ExactlyHeldBlocks : public HeldBlocks {};

// 2^-11 is the least scale of which an eighth still has all bits.
TEST_P(ExactlyHeldBlocks, AreTheSameNumbers) {
  for (uint16_t scale :
       {toHalf(0x1p-11f), toHalf(0x1.ffcp-11f), toHalf(-0x1.234p-3f), toHalf(1), toHalf(1000)}) {
    Held held = through(schemeHolding(GetParam()), scale);
    EXPECT_EQ(held.numbers, held.decoded) << scale;
  }
}

// Half a unit of float16's smallest numbers, times factor and integer, is what rounding the scale may change.
TEST_P(ExactlyHeldBlocks, LoseTheLastBitsOfSmallScales) {
  bool exact = std::string_view(GetParam()) == "iq3_s" || GetParam()[0] == 't';
  for (uint16_t scale : {uint16_t(1), uint16_t(0x0123), uint16_t(0x0455), uint16_t(0x0ed7)}) {
    Held held = through(schemeHolding(GetParam()), scale);
    for (size_t i = 0; i < held.numbers.size(); ++i)
      ASSERT_NEAR(held.numbers[i], held.decoded[i], exact ? 0 : 0x1p-25 * 31 * 31) << scale;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExactlyHeldBlocks,
                         testing::Values("iq1_s", "iq1_m", "iq3_xxs", "iq3_s", "tq1_0", "tq2_0"),
                         [](const auto &info) { return std::string(info.param); });

// Steps are rounded to the 11 bits of float16; integers stay.
TEST_P(HeldBlocks, KeepTheirIntegers) {
  Held held = through(schemeHolding(GetParam()), toHalf(0.123f));
  for (size_t i = 0; i < held.numbers.size(); ++i)
    ASSERT_NEAR(held.numbers[i], held.decoded[i], std::fabs(held.decoded[i]) * 0x1p-11) << i;
}

INSTANTIATE_TEST_SUITE_P(All, HeldBlocks, testing::Values("iq2_xxs"),
                         [](const auto &info) { return std::string(info.param); });

INSTANTIATE_TEST_SUITE_P(All, Codebooks,
                         testing::Values("iq1_s", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "tq1_0"),
                         [](const auto &info) { return std::string(info.param); });

INSTANTIATE_TEST_SUITE_P(All, CodedBlocks,
                         testing::Values("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s",
                                         "tq1_0", "tq2_0"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace gemmac
