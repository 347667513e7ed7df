//===- WeightPackerTest.cpp - packed planes against the definition of their layout ----------------------===//

#include "compiler/package/WeightPacker.h"

#include "PlannedPacking.h"
#include "contract/SmallFloats.h"
#include "gtest/gtest.h"

#include <random>

using namespace gemmac;
using namespace gemmac::test;

namespace {

struct Packed {
  PackedWeight result;
  std::vector<uint8_t> bytes;
};

Packed pack(const PlannedWeight &weight, const WeightSource &source, unsigned threads = 2) {
  Packed packed;
  packed.bytes.resize(static_cast<size_t>(weight.offsets.back() + weight.planes.back().bytes()));
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  auto result = packWeight(weight, source, pool, [&](int64_t offset, std::span<const uint8_t> bytes) {
    std::memcpy(packed.bytes.data() + offset, bytes.data(), bytes.size());
    return llvm::Error::success();
  });
  EXPECT_TRUE(static_cast<bool>(result));
  if (result)
    packed.result = *result;
  else
    ADD_FAILURE() << llvm::toString(result.takeError());
  return packed;
}

float half(const uint8_t *bytes) {
  uint16_t bits;
  std::memcpy(&bits, bytes, 2);
  _Float16 number;
  std::memcpy(&number, &bits, 2);
  return static_cast<float>(number);
}

/// The number at (expert, row, column), read as WeightLayout.h writes the layouts down.
float at(const PlannedWeight &weight, const std::vector<uint8_t> &bytes, int64_t expert, int64_t row,
         int64_t column) {
  WeightShape shape = weight.shape();
  int64_t blocks = shape.columns / kBlock, tiles = (shape.rows + kTileRows - 1) / kTileRows;
  bool tiled = weight.layout == Layout::tiles16;
  const uint8_t *first = bytes.data() + weight.offsets[0];
  int64_t tile = row / kTileRows, lane = row % kTileRows, block = column / kBlock, k = column % kBlock;
  int64_t plain = tiled ? ((expert * tiles + tile) * shape.columns + column) * kTileRows + lane
                        : (expert * shape.rows + row) * shape.columns + column;
  if (weight.scheme == Scheme::f32) {
    float number;
    std::memcpy(&number, first + 4 * plain, 4);
    return number;
  }
  if (weight.scheme == Scheme::bf16) {
    uint32_t bits = 0;
    std::memcpy(reinterpret_cast<uint8_t *>(&bits) + 2, first + 2 * plain, 2);
    float number;
    std::memcpy(&number, &bits, 4);
    return number;
  }
  int64_t place =
      tiled ? (expert * tiles + tile) * blocks + block : (expert * shape.rows + row) * blocks + block;
  const uint8_t *scales = bytes.data() + weight.offsets[1];
  float scale = half(scales + 2 * (tiled ? place * kTileRows + lane : place));
  if (weight.scheme == Scheme::q8_0) {
    int64_t index = tiled ? ((place * 8 + k / 4) * kTileRows + lane) * 4 + k % 4 : place * kBlock + k;
    return scale * static_cast<float>(static_cast<int8_t>(first[index]));
  }
  int64_t byte = k % 16;
  int64_t index = tiled ? ((place * 4 + byte / 4) * kTileRows + lane) * 4 + byte % 4 : place * 16 + byte;
  int nibble = k < 16 ? first[index] & 15 : first[index] >> 4;
  return scale * static_cast<float>(nibble - 8);
}

/// What the row is after storing it.
std::vector<float> kept(Scheme scheme, std::span<const float> row) {
  std::vector<uint8_t> stored(static_cast<size_t>(storedRowBytes(scheme, static_cast<int64_t>(row.size()))));
  storeRow(scheme, row, stored.data());
  std::vector<float> result(row.size());
  loadRow(scheme, stored.data(), result);
  return result;
}

struct Case {
  Scheme scheme;
  Layout layout;
};

class EverySchemeAndLayout : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Packer, EverySchemeAndLayout,
    testing::Values(Case{Scheme::f32, Layout::rows}, Case{Scheme::bf16, Layout::rows},
                    Case{Scheme::q8_0, Layout::rows}, Case{Scheme::q4_0, Layout::rows},
                    Case{Scheme::f32, Layout::tiles16}, Case{Scheme::bf16, Layout::tiles16},
                    Case{Scheme::q8_0, Layout::tiles16}, Case{Scheme::q4_0, Layout::tiles16}),
    [](const auto &info) {
      return std::string(nameOf(info.param.scheme)) + "_" + std::string(nameOf(info.param.layout));
    });

// Two sources that end in the middle of a tile, and a last tile that is not full.
TEST_P(EverySchemeAndLayout, StacksSourcesAlongRows) {
  auto [scheme, layout] = GetParam();
  std::vector<float> all = numbers(29 * 64, 1);
  MemorySource source;
  source.addFloats("a", {19, 64}, {all.begin(), all.begin() + 19 * 64});
  source.addFloats("b", {10, 64}, {all.begin() + 19 * 64, all.end()});
  PlannedWeight weight = plan(scheme, layout, {29, 64}, {{"a", {}, {}}, {"b", {}, {}}});
  Packed packed = pack(weight, source);
  for (int64_t row = 0; row < 29; ++row) {
    std::vector<float> expected = kept(scheme, std::span(all).subspan(static_cast<size_t>(row) * 64, 64));
    for (int64_t column = 0; column < 64; ++column)
      ASSERT_EQ(at(weight, packed.bytes, 0, row, column), expected[static_cast<size_t>(column)])
          << row << ", " << column;
  }
}

// Gate and up of all experts: each expert's rows come from both sources.
TEST_P(EverySchemeAndLayout, StacksExpertsAlongTheirRows) {
  auto [scheme, layout] = GetParam();
  constexpr int64_t experts = 3, upper = 7, lower = 12, columns = 32;
  std::vector<float> a = numbers(experts * upper * columns, 2), b = numbers(experts * lower * columns, 3);
  MemorySource source;
  source.addFloats("a", {experts, upper, columns}, a);
  source.addFloats("b", {experts, lower, columns}, b);
  PlannedWeight weight =
      plan(scheme, layout, {experts, upper + lower, columns}, {{"a", {}, {}}, {"b", {}, {}}});
  Packed packed = pack(weight, source);
  for (int64_t expert = 0; expert < experts; ++expert)
    for (int64_t row = 0; row < upper + lower; ++row) {
      auto from =
          row < upper
              ? std::span(a).subspan(static_cast<size_t>((expert * upper + row) * columns), columns)
              : std::span(b).subspan(static_cast<size_t>((expert * lower + row - upper) * columns), columns);
      std::vector<float> expected = kept(scheme, from);
      for (int64_t column = 0; column < columns; ++column)
        ASSERT_EQ(at(weight, packed.bytes, expert, row, column), expected[static_cast<size_t>(column)]);
    }
}

// Wide rows are cut into several pieces: the bytes, checksums and losses must not depend on how many threads
// share them.
TEST_P(EverySchemeAndLayout, IsTheSameForAnyNumberOfThreads) {
  auto [scheme, layout] = GetParam();
  MemorySource source;
  source.addFloats("a", {70, 40960}, numbers(70 * 40960, 4));
  PlannedWeight weight = plan(scheme, layout, {70, 40960}, {{"a", {}, {}}});
  Packed one = pack(weight, source, 1), three = pack(weight, source, 3);
  EXPECT_EQ(one.bytes, three.bytes);
  EXPECT_EQ(one.result.checksums, three.result.checksums);
  EXPECT_EQ(one.result.relativeError, three.result.relativeError);
}

TEST(Packer, KeepsBlocksThatTheCheckpointHasBitForBit) {
  // Scales and numbers that no quantizer would choose: they survive only if nothing recomputes them.
  MemorySource source;
  std::vector<uint8_t> blocks;
  for (int block = 0; block < 5; ++block) {
    blocks.insert(blocks.end(), {0x01, 0x3c});
    for (int i = 0; i < 16; ++i)
      blocks.push_back(static_cast<uint8_t>(0x77 + block));
  }
  source.add("a", "q4_0", {5, 32}, blocks);
  Packed packed = pack(plan(Scheme::q4_0, Layout::rows, {5, 32}, {{"a", {}, {}}}), source);
  for (size_t block = 0; block < 5; ++block)
    EXPECT_EQ(packed.bytes[64 + 16 * block], 0x77 + block);
  EXPECT_EQ(packed.result.relativeError, 0);
}

// Products of a scale, a factor and an integer that q6_k has too: rounding to it would lose some.
TEST(Packer, KeepsTheIntegersOfFormatsThatAreNoSchemes) {
  std::vector<uint8_t> blocks(6 * 110);
  std::mt19937 random(8);
  for (uint8_t &byte : blocks)
    byte = static_cast<uint8_t>(random() & 0x3b); // no scale is infinite
  MemorySource source;
  source.add("a", "iq3_s", {3, 512}, blocks);
  PackedWeight result = pack(plan(Scheme::q6_k, Layout::tiles16, {3, 512}, {{"a", {}, {}}}), source).result;
  EXPECT_EQ(result.relativeError, 0);
  EXPECT_EQ(result.maxError, 0);
  EXPECT_GT(pack(plan(Scheme::q8_0, Layout::tiles16, {3, 512}, {{"a", {}, {}}}), source).result.relativeError,
            0);
}

TEST(Packer, AddsOneBeforeStoring) {
  MemorySource source;
  source.addFloats("norm", {40}, numbers(40, 5));
  PlannedWeight weight = plan(Scheme::f32, Layout::vector, {40}, {{"norm", {}, {}}});
  weight.addOne = true;
  Packed packed = pack(weight, source);
  std::vector<float> original = numbers(40, 5);
  for (int64_t i = 0; i < 40; ++i)
    EXPECT_EQ(at(weight, packed.bytes, 0, 0, i), original[static_cast<size_t>(i)] + 1.0f);
}

TEST(Packer, MeasuresWhatIsLost) {
  MemorySource source;
  std::vector<float> all = numbers(16 * 64, 6);
  source.addFloats("a", {16, 64}, all);
  double squares = 0, of = 0, largest = 0;
  for (size_t row = 0; row < 16; ++row) {
    std::span<const float> original = std::span(all).subspan(row * 64, 64);
    std::vector<float> stored = kept(Scheme::q4_0, original);
    for (size_t i = 0; i < 64; ++i) {
      double difference = static_cast<double>(original[i]) - stored[i];
      squares += difference * difference;
      of += static_cast<double>(original[i]) * original[i];
      largest = std::max(largest, std::fabs(difference));
    }
  }
  PackedWeight result = pack(plan(Scheme::q4_0, Layout::tiles16, {16, 64}, {{"a", {}, {}}}), source).result;
  EXPECT_NEAR(result.relativeError, std::sqrt(squares / of), 1e-12);
  EXPECT_EQ(result.maxError, largest);
  EXPECT_EQ(pack(plan(Scheme::f32, Layout::tiles16, {16, 64}, {{"a", {}, {}}}), source).result.relativeError,
            0);
}

// Numbers on a lattice, rounded to bf16, are found again; a block of zeros says nothing.
TEST(Packer, CountsBlocksThatWereTrainedForTheirScheme) {
  std::vector<float> lattice(4 * 64);
  for (size_t i = 0; i < 3 * 64; ++i)
    lattice[i] = fromBfloat(toBfloat(0.0117f * static_cast<float>(static_cast<int>(i * 7 % 16) - 8)));
  std::vector<uint8_t> bytes(lattice.size() * 2);
  for (size_t i = 0; i < lattice.size(); ++i) {
    uint16_t bits = toBfloat(lattice[i]);
    std::memcpy(&bytes[2 * i], &bits, 2);
  }
  MemorySource source;
  source.add("qat", "bf16", {4, 64}, bytes);
  source.addFloats("floats", {4, 64}, lattice);
  PackedWeight result = pack(plan(Scheme::q4_0, Layout::rows, {4, 64}, {{"qat", {}, {}}}), source).result;
  EXPECT_EQ(result.blocks, 6);
  EXPECT_EQ(result.recovered, 6);
  EXPECT_LT(result.relativeError, 0.004); // no more than bf16 has taken
  result = pack(plan(Scheme::q4_0, Layout::rows, {4, 64}, {{"floats", {}, {}}}), source).result;
  EXPECT_EQ(result.blocks, 0);

  std::vector<float> random = numbers(4 * 64, 9);
  for (size_t i = 0; i < random.size(); ++i) {
    uint16_t bits = toBfloat(random[i]);
    std::memcpy(&bytes[2 * i], &bits, 2);
  }
  source.add("others", "bf16", {4, 64}, bytes);
  result = pack(plan(Scheme::q4_0, Layout::rows, {4, 64}, {{"others", {}, {}}}), source).result;
  EXPECT_EQ(result.blocks, 8);
  EXPECT_EQ(result.recovered, 0);
}

TEST(Packer, NamesTheTensorThatIsMissing) {
  EXPECT_EQ(errorOf(plan(Scheme::f32, Layout::rows, {4, 32}, {{"model.norm", {}, {}}}), MemorySource()),
            "weight 'w': the checkpoint has no tensor 'model.norm'");
}

TEST(Packer, RefusesSourcesThatDoNotFillTheWeight) {
  MemorySource source;
  source.addFloats("a", {3, 32}, numbers(96, 7));
  EXPECT_EQ(errorOf(plan(Scheme::f32, Layout::rows, {4, 32}, {{"a", {}, {}}}), source),
            "weight 'w' has 4 rows, but its tensors have 3");
}

// Rows out of the middle of one tensor and of another, out of order: parts and ranges end inside tiles.
TEST_P(EverySchemeAndLayout, TakesRangesOfRows) {
  auto [scheme, layout] = GetParam();
  std::vector<float> a = numbers(41 * 64, 9), b = numbers(23 * 64, 10);
  MemorySource source;
  source.addFloats("a", {41, 64}, a);
  source.addFloats("b", {23, 64}, b);
  PlannedWeight weight =
      plan(scheme, layout, {29, 64}, {rowsOf("a", 22, 41), rowsOf("b", 3, 10), rowsOf("a", 1, 4)});
  Packed packed = pack(weight, source);
  for (int64_t row = 0; row < 29; ++row) {
    const float *from = row < 19   ? a.data() + (22 + row) * 64
                        : row < 26 ? b.data() + (3 + row - 19) * 64
                                   : a.data() + (1 + row - 26) * 64;
    std::vector<float> expected = kept(scheme, std::span(from, 64));
    for (int64_t column = 0; column < 64; ++column)
      ASSERT_EQ(at(weight, packed.bytes, 0, row, column), expected[static_cast<size_t>(column)])
          << row << ", " << column;
  }
}

// A block of columns of some rows of each expert.
TEST_P(EverySchemeAndLayout, TakesRangesOfExperts) {
  auto [scheme, layout] = GetParam();
  constexpr int64_t experts = 3, rows = 11, columns = 96;
  std::vector<float> a = numbers(experts * rows * columns, 11);
  MemorySource source;
  source.addFloats("a", {experts, rows, columns}, a);
  PlannedWeight weight =
      plan(scheme, layout, {experts, 7, 32}, {{"a", IndexRange{2, 9}, IndexRange{32, 64}}});
  Packed packed = pack(weight, source);
  for (int64_t expert = 0; expert < experts; ++expert)
    for (int64_t row = 0; row < 7; ++row) {
      std::vector<float> expected =
          kept(scheme, std::span(a.data() + (expert * rows + 2 + row) * columns + 32, 32));
      for (int64_t column = 0; column < 32; ++column)
        ASSERT_EQ(at(weight, packed.bytes, expert, row, column), expected[static_cast<size_t>(column)]);
    }
}

TEST(Packer, KeepsBlocksOfRangesBitForBit) {
  MemorySource source;
  source.add("a", "q4_0", {5, 96}, countedBlocks(15));
  Packed packed =
      pack(plan(Scheme::q4_0, Layout::rows, {3, 32}, {{"a", IndexRange{1, 4}, IndexRange{64, 96}}}), source);
  for (size_t row = 0; row < 3; ++row)
    EXPECT_EQ(packed.bytes[64 + 16 * row], 3 * (row + 1) + 2);
  EXPECT_EQ(packed.result.relativeError, 0);
}

TEST(Packer, TakesNumbersOfAVector) {
  MemorySource source;
  source.addFloats("norms", {40}, numbers(40, 12));
  PlannedWeight weight =
      plan(Scheme::f32, Layout::vector, {13}, {rowsOf("norms", 30, 40), rowsOf("norms", 0, 3)});
  Packed packed = pack(weight, source);
  std::vector<float> all = numbers(40, 12);
  for (int64_t i = 0; i < 13; ++i)
    EXPECT_EQ(at(weight, packed.bytes, 0, 0, i), all[static_cast<size_t>((i + 30) % 40)]);
}

TEST(Packer, RefusesRangesThatReachBeyondTheTensor) {
  MemorySource source;
  source.addFloats("a", {3, 64}, numbers(192, 13));
  auto refused = [&](std::vector<int64_t> logical, TensorRange range) {
    return errorOf(plan(Scheme::f32, Layout::rows, std::move(logical), {std::move(range)}), source);
  };
  EXPECT_EQ(refused({2, 64}, rowsOf("a", 2, 4)),
            "weight 'w': memory: tensor 'a' has rows 0 to 3, not 2 to 4");
  EXPECT_EQ(refused({2, 64}, rowsOf("a", INT64_MAX - 2, INT64_MAX)),
            "weight 'w': memory: tensor 'a' has rows 0 to 3, not 9223372036854775805 to 9223372036854775807");
  EXPECT_EQ(refused({3, 32}, columnsOf("a", 48, 80)),
            "weight 'w': memory: tensor 'a' has columns 0 to 64, not 48 to 80");
  EXPECT_EQ(refused({3, 32}, columnsOf("a", 0, 16)),
            "weight 'w': memory: tensor 'a' gives columns 0 to 16 where rows have 32 numbers");
  EXPECT_EQ(refused({2, 64}, rowsOf("a", 0, 3)), "weight 'w' has 2 rows, but its tensors have 3");
}

TEST(Packer, RefusesColumnsThatEndInsideABlock) {
  MemorySource source;
  source.add("a", "q4_0", {5, 96}, countedBlocks(15));
  for (auto [begin, end] : {std::pair{16, 48}, {48, 80}})
    EXPECT_EQ(errorOf(plan(Scheme::q4_0, Layout::rows, {5, 32}, {columnsOf("a", begin, end)}), source),
              "weight 'w': memory: tensor 'a' cannot give columns " + std::to_string(begin) + " to " +
                  std::to_string(end) +
                  ": it stores blocks of 32, of which ranges begin and end at multiples");
}

TEST(Packer, PassesOnWhatTheSinkSays) {
  MemorySource source;
  source.addFloats("a", {4, 32}, numbers(128, 8));
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(1));
  auto result = packWeight(plan(Scheme::f32, Layout::rows, {4, 32}, {{"a", {}, {}}}), source, pool,
                           [](int64_t, std::span<const uint8_t>) {
                             return llvm::createStringError(llvm::inconvertibleErrorCode(), "full");
                           });
  EXPECT_EQ(llvm::toString(result.takeError()), "full");
}

// What has been packed leaves memory: every byte of every source, once, of a stack as of experts.
TEST(WeightPacker, ReleasesWhatItHasRead) {
  MemorySource source;
  source.addFloats("a", {2, 300, 2048}, numbers(int64_t{2} * 300 * 2048, 5));
  source.addFloats("b", {2, 500, 2048}, numbers(int64_t{2} * 500 * 2048, 6));
  pack(plan(Scheme::q8_0, Layout::tiles16, {2, 800, 2048}, {{"a", {}, {}}, {"b", {}, {}}}), source);
  ASSERT_EQ(source.released.size(), 2u);
  for (const auto &[name, parts] : source.released) {
    const uint8_t *next = source.find(name)->bytes.data();
    for (std::span<const uint8_t> part : parts) {
      EXPECT_EQ(part.data(), next) << name;
      next = part.data() + part.size();
    }
    EXPECT_EQ(next, source.find(name)->bytes.data() + source.find(name)->bytes.size()) << name;
  }
}

} // namespace
