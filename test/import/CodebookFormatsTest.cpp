//===- CodebookFormatsTest.cpp - importance-matrix and ternary formats ----------------------------------===//
// codebook-blocks.safetensors has what PyPI's gguf decodes: make_codebook_blocks.py.

#include "compiler/import/CodebookFormats.h"
#include "compiler/import/BlockFormats.h"
#include "compiler/import/Safetensors.h"
#include "compiler/import/WeightSource.h"
#include "gtest/gtest.h"

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

INSTANTIATE_TEST_SUITE_P(All, Codebooks,
                         testing::Values("iq1_s", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "tq1_0"),
                         [](const auto &info) { return std::string(info.param); });

INSTANTIATE_TEST_SUITE_P(All, CodedBlocks,
                         testing::Values("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s",
                                         "tq1_0", "tq2_0"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace gemmac
