//===- UnpackedWeightsTest.cpp - packed matrices, number by number --------------------------------------===//

#include "compiler/import/UnpackedWeights.h"
#include "Folder.h"
#include "compiler/import/Safetensors.h"
#include "contract/SmallFloats.h"

#include <cmath>

namespace gemmac {
namespace {

using nlohmann::json;

constexpr int64_t kRows = 16, kColumns = 128;

/// A file of safetensors, tensor by tensor.
struct File {
  struct Tensor {
    const char *dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::map<std::string, Tensor> tensors;

  template <typename T>
  void add(const std::string &name, const char *dtype, std::vector<int64_t> shape,
           const std::vector<T> &numbers) {
    tensors[name] = {dtype, std::move(shape),
                     std::string(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T))};
  }
  void addHalves(const std::string &name, std::vector<int64_t> shape, const std::vector<float> &numbers) {
    std::vector<uint16_t> halves;
    for (float number : numbers)
      halves.push_back(toHalf(number));
    add(name, "F16", std::move(shape), halves);
  }

  std::unique_ptr<WeightSource> open(const Folder &folder) const {
    json header = json::object();
    std::string bytes;
    for (const auto &[name, tensor] : tensors) {
      header[name] = {{"dtype", tensor.dtype},
                      {"shape", tensor.shape},
                      {"data_offsets", {bytes.size(), bytes.size() + tensor.bytes.size()}}};
      bytes += tensor.bytes;
    }
    std::string text = header.dump();
    uint64_t length = text.size();
    folder.write("model.safetensors",
                 std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + text + bytes);
    auto source = openSafetensors(folder.string());
    EXPECT_TRUE(bool(source)) << llvm::toString(source.takeError());
    return source ? std::move(*source) : nullptr;
  }
};

int codeAt(int64_t row, int64_t column, int bits) {
  return int((row * 29 + column * 7 + column / 5) % (1 << bits));
}
float scaleAt(int64_t row, int64_t group) {
  return fromHalf(toHalf(0.01f + 0.003f * float(row) + 0.0007f * float(group)));
}
int zeroAt(int64_t row, int64_t group) {
  return int((row * 5 + group * 3) % 16);
}

/// Puts codes of `bits` bits into words, of which each holds `32 / bits` that come one after the other in
/// `codeOf(word, place)`.
template <typename CodeOf>
std::vector<uint32_t> words(int64_t count, int bits, CodeOf codeOf) {
  std::vector<uint32_t> all;
  for (int64_t word = 0; word < count; ++word) {
    uint32_t value = 0;
    for (int place = 0; place < 32 / bits; ++place)
      value |= uint32_t(codeOf(word, place)) << (bits * place);
    all.push_back(value);
  }
  return all;
}

struct Opened {
  Folder folder;
  ModelConfig config;
  std::unique_ptr<WeightSource> weights;
  std::string error;

  Opened(const File &file, PackedForm form) {
    config.file = "config.json";
    config.quantization = Quantization{.name = "FORMAT", .form = form, .bits = {}};
    auto unpacked = unpackWeights(file.open(folder), config);
    if (unpacked)
      weights = std::move(*unpacked);
    else
      error = llvm::toString(unpacked.takeError());
  }

  const SourceTensor &matrix() const { return *weights->find("a.weight"); }
  std::vector<float> numbers() const {
    std::vector<float> all(size_t(matrix().numbers()));
    readNumbers(matrix(), 0, all);
    return all;
  }
};

/// Every number of `opened` is numberAt(row, column), also where a part of a row is read.
template <typename NumberAt>
void expectNumbers(const Opened &opened, NumberAt numberAt) {
  ASSERT_EQ(opened.error, "");
  ASSERT_EQ(opened.matrix().shape, (std::vector<int64_t>{kRows, kColumns}));
  std::vector<float> numbers = opened.numbers();
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t column = 0; column < kColumns; ++column)
      ASSERT_EQ(numbers[size_t(row * kColumns + column)], numberAt(row, column)) << row << " " << column;
  std::vector<float> part(kColumns);
  readNumbers(opened.matrix(), 100, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), numbers.begin() + 100));
  EXPECT_EQ(opened.weights->names(), std::vector<std::string>{"a.weight"});
  EXPECT_EQ(opened.weights->fileOf("a.weight"), "model.safetensors");
  EXPECT_TRUE(opened.weights->choosesSchemes());
}

/// Rows as `scheme` stores them give the same numbers.
void expectStored(const Opened &opened, Scheme scheme) {
  EXPECT_EQ(opened.matrix().chosenScheme(), nameOf(scheme));
  std::vector<float> numbers = opened.numbers(), row(kColumns);
  std::vector<uint8_t> stored(size_t(storedRowBytes(scheme, kColumns)));
  for (int64_t r = 0; r < kRows; ++r) {
    ASSERT_TRUE(opened.matrix().computed->store(nameOf(scheme), r * kColumns, kColumns, stored));
    loadRow(scheme, stored.data(), row);
    EXPECT_TRUE(std::equal(row.begin(), row.end(), numbers.begin() + r * kColumns)) << r;
  }
  EXPECT_FALSE(opened.matrix().computed->store("bf16", 0, kColumns, stored));
}

std::vector<float> scales(int64_t groups, bool across) {
  std::vector<float> all;
  for (int64_t outer = 0; outer < (across ? groups : kRows); ++outer)
    for (int64_t inner = 0; inner < (across ? kRows : groups); ++inner)
      all.push_back(across ? scaleAt(inner, outer) : scaleAt(outer, inner));
  return all;
}

File packedFile(int bits, int64_t groups) {
  File file;
  int64_t perRow = kColumns * bits / 32;
  file.add("a.weight_packed", "I32", {kRows, perRow},
           words(kRows * perRow, bits, [&](int64_t word, int place) {
             return codeAt(word / perRow, word % perRow * (32 / bits) + place, bits);
           }));
  file.addHalves("a.weight_scale", {kRows, groups}, scales(groups, false));
  file.add("a.weight_shape", "I64", {2}, std::vector<int64_t>{kRows, kColumns});
  return file;
}

TEST(UnpackedWeights, WordsOfFourBits) {
  Opened opened(packedFile(4, 4), {.packing = Packing::words});
  expectNumbers(opened, [](int64_t row, int64_t column) {
    return scaleAt(row, column / 32) * float(codeAt(row, column, 4) - 8);
  });
  expectStored(opened, Scheme::q4_0);
  ASSERT_EQ(opened.config.remarks.size(), 1u);
  EXPECT_SAYS(opened.config.remarks[0],
              "already quantized as FORMAT; scheme file keeps its matrices: 1 as q4_0 with the same numbers");
}

TEST(UnpackedWeights, WordsOfEightBitsWithOneScaleARow) {
  Opened opened(packedFile(8, 1), {.packing = Packing::words}); // the shape says how many bits
  expectNumbers(opened, [](int64_t row, int64_t column) {
    return scaleAt(row, 0) * float(codeAt(row, column, 8) - 128);
  });
  EXPECT_EQ(opened.matrix().chosenScheme(), "q8_0");
}

TEST(UnpackedWeights, ZeroPointsOfWords) {
  File file = packedFile(4, 2);
  file.add("a.weight_zero_point", "I32", {kRows / 8, 2}, words(kRows / 8 * 2, 4, [](int64_t word, int place) {
             return zeroAt(word / 2 * 8 + place, word % 2);
           }));
  Opened opened(file, {.packing = Packing::words});
  expectNumbers(opened, [](int64_t row, int64_t column) {
    return scaleAt(row, column / 64) * float(codeAt(row, column, 4) - zeroAt(row, column / 64));
  });
  EXPECT_EQ(opened.matrix().chosenScheme(), "q8_0");
  EXPECT_SAYS(opened.config.remarks.at(0), "1 as q8_0 with numbers near them");
}

TEST(UnpackedWeights, Bytes) {
  File file;
  std::vector<int8_t> codes;
  for (int64_t i = 0; i < kRows * kColumns; ++i)
    codes.push_back(int8_t(codeAt(i / kColumns, i % kColumns, 8) % 255 - 127));
  file.add("a.weight", "I8", {kRows, kColumns}, codes);
  file.addHalves("a.weight_scale", {kRows, 1}, scales(1, false));
  Opened opened(file, {.packing = Packing::bytes, .bits = 8});
  expectNumbers(opened, [&](int64_t row, int64_t column) {
    return scaleAt(row, 0) * float(codes[size_t(row * kColumns + column)]);
  });
  expectStored(opened, Scheme::q8_0);
}

TEST(UnpackedWeights, SmallFloatsWithScalesOfBlocks) {
  File file;
  std::vector<uint8_t> codes;
  for (int64_t i = 0; i < kRows * kColumns; ++i)
    codes.push_back(uint8_t(i % 127 + i / 127 % 2 * 128)); // all but NaN
  file.add("a.weight", "F8_E4M3", {kRows, kColumns}, codes);
  file.add("a.weight_scale_inv", "F32", {2, 2}, std::vector<float>{1, 2, 4, 8});
  Opened opened(file, {.packing = Packing::bytes, .bits = 8, .blockRows = 12, .blockColumns = 100});
  expectNumbers(opened, [&](int64_t row, int64_t column) {
    int code = codes[size_t(row * kColumns + column)], exponent = code >> 3 & 15;
    double magnitude =
        exponent ? (1 + (code & 7) / 8.0) * std::pow(2, exponent - 7) : (code & 7) * std::pow(2, -9);
    return float((code & 128 ? -magnitude : magnitude) * (row < 12 ? 1 : 4) * (column < 100 ? 1 : 2));
  });
  EXPECT_EQ(opened.matrix().chosenScheme(), "q8_0");
}

File gptqFile(bool symmetric, bool less) {
  File file;
  file.add("a.qweight", "I32", {kColumns / 8, kRows},
           words(kColumns / 8 * kRows, 4,
                 [](int64_t word, int place) { return codeAt(word % kRows, word / kRows * 8 + place, 4); }));
  file.addHalves("a.scales", {2, kRows}, scales(2, true));
  file.add("a.qzeros", "I32", {2, kRows / 8}, words(2 * kRows / 8, 4, [&](int64_t word, int place) {
             int zero = symmetric ? 8 : zeroAt(word % 2 * 8 + place, word / 2);
             return (zero - less) & 15;
           }));
  return file;
}

TEST(UnpackedWeights, Gptq) {
  for (bool less : {false, true}) {
    Opened opened(gptqFile(true, less), {.packing = Packing::gptq, .zerosAreLess = less});
    expectNumbers(opened, [](int64_t row, int64_t column) {
      return scaleAt(row, column / 64) * float(codeAt(row, column, 4) - 8);
    });
    expectStored(opened, Scheme::q4_0);
  }
}

TEST(UnpackedWeights, GptqWithZeroPointsAndGroupsInAnyOrder) {
  File file = gptqFile(false, true);
  std::vector<int32_t> order;
  for (int64_t column = 0; column < kColumns; ++column)
    order.push_back(int32_t(column % 3 == 0));
  file.add("a.g_idx", "I32", {kColumns}, order);
  Opened opened(file, {.packing = Packing::gptq, .zerosAreLess = true});
  expectNumbers(opened, [](int64_t row, int64_t column) {
    int64_t group = column % 3 == 0;
    return scaleAt(row, group) * float(codeAt(row, column, 4) - zeroAt(row, group));
  });
  EXPECT_EQ(opened.matrix().chosenScheme(), "q8_0");
}

TEST(UnpackedWeights, Awq) {
  constexpr int order[] = {0, 2, 4, 6, 1, 3, 5, 7};
  File file;
  file.add("a.qweight", "I32", {kColumns, kRows / 8},
           words(kColumns * kRows / 8, 4,
                 [&](int64_t word, int place) { return codeAt(word % 2 * 8 + order[place], word / 2, 4); }));
  file.addHalves("a.scales", {4, kRows}, scales(4, true));
  file.add("a.qzeros", "I32", {4, kRows / 8}, words(4 * kRows / 8, 4, [&](int64_t word, int place) {
             return zeroAt(word % 2 * 8 + order[place], word / 2);
           }));
  expectNumbers(Opened(file, {.packing = Packing::awq}), [](int64_t row, int64_t column) {
    return scaleAt(row, column / 32) * float(codeAt(row, column, 4) - zeroAt(row, column / 32));
  });
}

TEST(UnpackedWeights, Mlx) {
  for (int bits : {4, 8}) {
    File file;
    int64_t perRow = kColumns * bits / 32;
    file.add("a.weight", "U32", {kRows, perRow}, words(kRows * perRow, bits, [&](int64_t word, int place) {
               return codeAt(word / perRow, word % perRow * (32 / bits) + place, bits);
             }));
    file.addHalves("a.scales", {kRows, 2}, scales(2, false));
    std::vector<float> biases;
    for (int64_t i = 0; i < kRows * 2; ++i)
      biases.push_back(-0.125f * float(i));
    file.addHalves("a.biases", {kRows, 2}, biases);
    Opened opened(file, {.packing = Packing::mlx, .bits = bits});
    expectNumbers(opened, [&](int64_t row, int64_t column) {
      int64_t group = column / 64;
      return scaleAt(row, group) * float(codeAt(row, column, bits)) + biases[size_t(row * 2 + group)];
    });
    if (bits == 8) {
      EXPECT_EQ(opened.matrix().chosenScheme(), "q8_0");
      continue;
    }
    expectStored(opened, *findScheme("q4_1"));
  }
}

TEST(UnpackedWeights, LeavesTowersAndPlainMatrices) {
  File file = packedFile(4, 4);
  file.add("model.vision_tower.b.weight_packed", "I32", {1}, std::vector<int32_t>{1});
  file.addHalves("c.weight", {1, 1}, {0.5f});
  Opened opened(file, {.packing = Packing::words});
  EXPECT_EQ(opened.weights->names(),
            (std::vector<std::string>{"c.weight", "model.vision_tower.b.weight_packed", "a.weight"}));
  EXPECT_EQ(opened.weights->find("c.weight")->scheme, "f16");
  EXPECT_EQ(opened.weights->find("a.weight_packed"), nullptr);
}

TEST(UnpackedWeights, RefusesWhatDoesNotFit) {
  auto error = [](auto change, PackedForm form = {.packing = Packing::words}) {
    File file = packedFile(4, 4);
    change(file);
    return Opened(file, form).error;
  };
  EXPECT_SAYS(
      error([](File &f) { f.add("a.weight_shape", "I64", {2}, std::vector<int64_t>{kRows, 120}); }),
      "model.safetensors: module 'a' of FORMAT: weight_shape is [16, 120], but 16 by 128 numbers are packed");
  EXPECT_SAYS(
      error([](File &f) { f.add("a.weight_shape", "I64", {2}, std::vector<int64_t>{-1, int64_t(1) << 62}); }),
      "weight_shape is [-1, ");
  EXPECT_SAYS(error([](File &f) { f.add("a.weight_shape", "I64", {1}, std::vector<int64_t>{1}); }),
              "weight_shape does not hold two int64");
  EXPECT_SAYS(
      error([](File &f) { f.addHalves("a.weight_scale", {kRows, 3}, std::vector<float>(kRows * 3)); }),
      "'a.weight_scale' has shape [16, 3], which does not fit 16 by 128 numbers");
  EXPECT_SAYS(error([](File &f) { f.addHalves("a.weight_scale", {kRows, 0}, {}); }), "fits no matrix");
  EXPECT_SAYS(error([](File &f) { f.add("a.weight_scale", "I8", {kRows, 1}, std::vector<int8_t>(kRows)); }),
              "where floats are needed");
  EXPECT_SAYS(error([](File &f) { f.add("a.weight_zero_point", "I32", {1}, std::vector<int32_t>{1}); }),
              "does not hold a zero point beside each scale");
  EXPECT_SAYS(
      error([](File &f) { f.add("a.weight_g_idx", "I32", {kColumns}, std::vector<int32_t>(kColumns, 4)); }),
      "'a.weight_g_idx' names group 4 of 4");
  EXPECT_SAYS(error([](File &f) { f.add("a.weight_g_idx", "I32", {3}, std::vector<int32_t>(3)); }),
              "does not name the group of each of 128 columns");
  EXPECT_SAYS(error([](File &f) { f.addHalves("a.weight", {1}, {1}); }),
              "there is a weight beside the packed one");
  EXPECT_SAYS(error([](File &f) { f.addHalves("a.weight_packed", {2, 2}, {1, 2, 3, 4}); }),
              "where int32 is needed");
  EXPECT_SAYS(error([](File &f) { f.add("b.weight_packed", "I32", {1, 1}, std::vector<int32_t>{1}); }),
              "module 'b' of FORMAT: there is no weight_scale");
  EXPECT_SAYS(error(
                  [](File &f) {
                    f.add("b.qweight", "I32", {1, 8}, std::vector<int32_t>(8));
                    f.addHalves("b.scales", {1, 8}, std::vector<float>(8));
                  },
                  {.packing = Packing::gptq}),
              "'b.qweight' has no zero points beside it");
  EXPECT_SAYS(error(
                  [](File &f) {
                    f.add("b.weight", "U32", {1, 8}, std::vector<int32_t>(8));
                    f.addHalves("b.scales", {1, 1}, std::vector<float>(1));
                  },
                  {.packing = Packing::mlx}),
              "'b.scales' has no biases of its shape beside it");
}

TEST(UnpackedWeights, ReadsTheRecordedExample) {
  std::string recorded = std::string(GEMMAC_SHARED_DIR) + "/golden/quant-blocks/blocks.safetensors";
  if (!std::filesystem::exists(recorded))
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  auto source = openSafetensorsFile(recorded);
  ASSERT_TRUE(bool(source));
  std::vector<float> wanted(8 * 64), read(8 * 64);
  readNumbers(*(*source)->find("pack_quantized.dequantized"), 0, wanted);
  auto matrix = PackedMatrix::open({.packing = Packing::words},
                                   {.codes = (*source)->find("pack_quantized.weight_packed"),
                                    .scales = (*source)->find("pack_quantized.weight_scale")});
  ASSERT_TRUE(bool(matrix)) << llvm::toString(matrix.takeError());
  (*matrix)->read(0, read);
  EXPECT_EQ(read, wanted);
  EXPECT_TRUE((*matrix)->exact());
  EXPECT_EQ((*matrix)->scheme(), "q4_0");
}

} // namespace
} // namespace gemmac
