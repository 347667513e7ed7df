//===- LinearTest.cpp - x times the transpose of a weight, of one or of each token's experts ------------===//

#include "LinearCases.h"

using namespace gemmac;
using namespace gemmac::test;

namespace {

TEST(Linear, AgreesWithSums) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    for (int tokens : {0, 1, 5, 17}) {
      Linear linear(scheme, shape, 0);
      auto x = Array<float>::random({tokens, int(shape.input)}, 2, 3), seen = asSeen(x, linear.quantized);
      Array<float> y({tokens, int(shape.output)}, 5);
      linear(x, y);
      for (int t = 0; t < tokens; ++t) {
        for (int r = 0; r < shape.output; ++r) {
          Sum sum;
          for (int k = 0; k < shape.input; ++k)
            sum.add(double(seen(t, k)) * linear.w.numbers(0, r + shape.offset, k));
          ASSERT_NEAR(y(t, r), sum.value, 1e-6 * sum.size) << t << " " << r;
        }
        for (int gap = 0; gap < (t + 1 < tokens ? 5 : 0); ++gap)
          ASSERT_EQ(y.data[size_t(t) * size_t(shape.output + 5) + size_t(shape.output + gap)], 77);
      }
    }
  });
}

/// Sums, for tokens and rows that fill no group.
void expectSums(Linear &linear, const Shape &shape, Array<float> &x, Array<float> &y) {
  Array<float> seen = asSeen(x, linear.quantized);
  for (int t = 0; t < x.shape[0]; ++t)
    for (int r = 0; r < shape.output; ++r) {
      Sum sum;
      for (int k = 0; k < shape.input; ++k)
        sum.add(double(seen(t, k)) * linear.w.numbers(0, r + shape.offset, k));
      ASSERT_NEAR(y(t, r), sum.value, 1e-6 * sum.size) << t << " " << r;
    }
}

TEST(Linear, EveryScheduleGivesTheSameNumbers) {
  for (const std::string &scheme : weightSchemes())
    for (int64_t oneToken : {0, 1}) {
      Shape shape = wholeBlocks(scheme, {isQuantized(scheme) ? 96 : 33, 100, 120, 7});
      auto x = Array<float>::random({oneToken ? 1 : 19, int(shape.input)}, 2, 3);
      std::vector<float> first;
      for (const Schedule &schedule : schedulesOf("linear", Linear::constants(scheme, shape, oneToken))) {
        SCOPED_TRACE(scheme + textOf(schedule));
        Linear linear(scheme, shape, oneToken, schedule);
        Array<float> y({x.shape[0], int(shape.output)}, 5);
        linear(x, y);
        if (first.empty()) {
          first = y.data;
          expectSums(linear, shape, x, y);
        }
        EXPECT_EQ(y.data, first);
      }
    }
}

TEST(Linear, CapsWhatItStores) {
  for (const char *scheme : {"f32", "q4_0"})
    for (int64_t tokens : {0, 1}) {
      std::map<std::string, KernelConstant> constants = {{"input", int64_t(64)}, {"output", int64_t(40)},
                                                         {"rows", int64_t(48)},  {"offset", int64_t(3)},
                                                         {"scheme", scheme},     {"tokens", tokens}};
      Weight w("tiles16", scheme, {0, 48, 64}, 1);
      auto x = Array<float>::random({1, 64}, 2);
      QuantizedRows rows(x);
      Array<float> plain({1, 40}), wanted({1, 1, 40}), capped({1, 40});
      auto run = [&](const LoadedKernel &kernel, Buffer y) {
        isQuantized(scheme) ? kernel(rows, w, y) : kernel(x, w, y);
      };
      run(LoadedKernel("linear", constants), plain);
      Array<float> threeAxes({1, 1, 40});
      threeAxes.data = plain.data;
      LoadedKernel("softcap", {{"heads", int64_t(1)}, {"size", int64_t(40)}, {"cap", 2.5}})(threeAxes,
                                                                                            wanted);
      constants["cap"] = 2.5;
      run(LoadedKernel("linear", constants), capped);
      EXPECT_EQ(capped.data, wanted.data) << scheme << tokens;
      EXPECT_NE(capped.data, plain.data);
    }
}

TEST(Linear, OneTokenIsTheSameAsMany) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    auto x = Array<float>::random({9, int(shape.input)}, 2);
    Array<float> y({9, int(shape.output)}), single({9, int(shape.output)});
    Linear(scheme, shape, 0)(x, y);
    Linear gemv(scheme, shape, 1);
    for (int t = 0; t < 9; ++t)
      gemv(x, single.part(0, {t, t + 1}));
    EXPECT_EQ(y.data, single.data);
  });
}

TEST(Linear, PiecesAreTheSameAsTheWhole) {
  forEachCase([](const std::string &scheme, const Shape &shape) {
    auto x = Array<float>::random({7, int(shape.input)}, 2);
    Array<float> whole({7, int(shape.output)}), pieces({7, int(shape.output)});
    Linear linear(scheme, shape, 0);
    linear(x, whole);
    for (int r = 0; r < shape.output; r += 11)
      for (int t = 0; t < 7; t += 5) {
        Range rows{r, std::min(r + 11, int(shape.output))}, tokens{t, std::min(t + 5, 7)};
        linear(x, pieces.part(1, rows).part(0, tokens));
        linear(x, pieces.part(1, {r, r}).part(0, tokens));
      }
    EXPECT_EQ(whole.data, pieces.data);
  });
}

/// A block with all numbers and all factors at an end of what the scheme can say, and a scale of 1.
BlockParts extremeBlock(const SchemeRow &scheme, bool most, bool mostFactor) {
  BlockParts parts;
  parts.scale = parts.minimum = 0x3c00;
  uint8_t least = scheme.bits == 8 ? 0x80 : 0,
          largest = scheme.bits == 8 ? 0x7f : uint8_t((1 << scheme.numberBits()) - 1);
  parts.numbers.fill(most ? largest : least);
  parts.factors.fill(int8_t(mostFactor ? scheme.mostFactor : scheme.hasMinimum ? 0 : -scheme.mostFactor - 1));
  parts.offsets.fill(int8_t(scheme.hasMinimum ? scheme.mostFactor : 0));
  return parts;
}

/// Rows that are all this block, times 127 or -127, are what the numbers that it stands for give.
void expectExtreme(Linear &linear, const SchemeRow &scheme, const BlockParts &parts, int64_t tokens) {
  WeightShape shape{0, 16, 256};
  std::vector<uint8_t> stored(size_t(storedRowBytes(scheme.scheme, shape.columns)));
  for (size_t block = 0; block < stored.size(); block += size_t(scheme.blockBytes))
    scheme.join(parts, stored.data() + block);
  std::vector<uint8_t *> planes;
  for (std::vector<uint8_t> &plane : linear.w.bytes)
    planes.push_back(plane.data());
  for (int64_t row = 0; row < shape.rows; ++row)
    packRows(Layout::tiles16, scheme.scheme, shape, 0, row, 1, stored.data(), planes);
  std::vector<float> numbers(size_t(shape.columns));
  loadRow(scheme.scheme, stored.data(), numbers);
  for (float x127 : {127.0f, -127.0f}) {
    Array<float> x({int(tokens), int(shape.columns)}), y({int(tokens), 16});
    std::fill(x.data.begin(), x.data.end(), x127);
    linear(x, y);
    double wanted = 0, size = 0;
    for (float number : numbers)
      wanted += double(number) * x127, size += std::abs(double(number) * x127);
    for (float number : y.data)
      EXPECT_NEAR(number, wanted, 1e-6 * size);
  }
}

TEST(Linear, TheLargestNumbersDoNotOverflow) {
  // The sums that vpmaddubsw must hold, and those that float32 holds exactly.
  for (const SchemeRow &scheme : allSchemes())
    for (int64_t tokens : {1, 2}) {
      if (!scheme.weights || !scheme.quantized())
        continue;
      Linear linear(std::string(scheme.name), {256, 16, 16, 0}, tokens == 1);
      for (bool most : {false, true})
        for (bool mostFactor : {false, true}) {
          SCOPED_TRACE(testing::Message() << scheme.name << most << mostFactor);
          expectExtreme(linear, scheme, extremeBlock(scheme, most, mostFactor), tokens);
        }
    }
}

const int64_t kOutputs[] = {40, 9};

TEST(ExpertLinear, EachTokenUsesItsOwnExperts) {
  for (const std::string &scheme : weightSchemes())
    for (int64_t shared : {0, 1})
      for (int64_t output : casesOf(scheme, kOutputs))
        for (int tokens : {0, 1, 3}) {
          const int64_t input = wholeBlocks(scheme, {64, 0, 0, 0}).input, experts = 5, choices = 3;
          Weight w("tiles16", scheme, {experts, output, input}, 1);
          std::vector<int> shape = {tokens, int(choices), int(input)};
          if (shared)
            shape.erase(shape.begin() + 1);
          auto x = Array<float>::random(shape, 2);
          Array<int32_t> ids({tokens, int(choices)});
          for (size_t i = 0; i < ids.data.size(); ++i)
            ids.data[i] = int32_t(i * 3 % experts);
          Array<float> y({tokens, int(choices), int(output)}, 2), pieces(y.shape, 2);
          LoadedKernel kernel("expert_linear", {{"input", input},
                                                {"output", output},
                                                {"experts", experts},
                                                {"choices", choices},
                                                {"shared", shared},
                                                {"scheme", std::string(scheme)}});
          QuantizedRows rows(x);
          auto run = [&](Buffer out) {
            isQuantized(scheme) ? kernel(rows, ids, w, out) : kernel(x, ids, w, out);
          };
          run(y);
          for (int t = 0; t < tokens; ++t)
            for (int i = 0; i < choices; ++i)
              for (int r = 0; r < output; ++r) {
                Sum sum;
                for (int k = 0; k < input; ++k) {
                  std::vector<int> at = {t, i, k}, block = {t, i, k / 32 * 2};
                  if (shared)
                    at.erase(at.begin() + 1), block.erase(block.begin() + 1);
                  double number =
                      isQuantized(scheme) ? double(rows.q.at(at)) * rows.scales.at(block) : double(x.at(at));
                  sum.add(number * w.numbers(ids(t, i), r, k));
                }
                ASSERT_NEAR(y(t, i, r), sum.value, 1e-6 * sum.size) << scheme << shared;
              }
          if (tokens != 3)
            continue;
          for (Range part : {Range{0, 7}, {7, 7}, {7, int(output)}})
            for (int i = 0; i < choices; ++i)
              run(pieces.part(2, part).part(1, {i, i + 1}));
          EXPECT_EQ(y.data, pieces.data);
        }
}

TEST(ExpertLinear, EveryScheduleGivesTheSameNumbers) {
  for (const std::string &scheme : weightSchemes()) {
    int64_t input = wholeBlocks(scheme, {64, 0, 0, 0}).input;
    std::map<std::string, KernelConstant> constants = {
        {"input", input},        {"output", int64_t(100)}, {"experts", int64_t(3)},
        {"choices", int64_t(2)}, {"shared", int64_t(1)},   {"scheme", std::string(scheme)}};
    Weight w("tiles16", scheme, {3, 100, input}, 1);
    auto x = Array<float>::random({2, int(input)}, 2);
    QuantizedRows rows(x);
    Array<int32_t> ids({2, 2});
    ids.data = {0, 2, 1, 0};
    std::vector<float> first;
    for (const Schedule &schedule : schedulesOf("expert_linear", constants)) {
      Array<float> y({2, 2, 100}, 3);
      LoadedKernel kernel("expert_linear", constants, schedule);
      isQuantized(scheme) ? kernel(rows, ids, w, y) : kernel(x, ids, w, y);
      if (first.empty())
        first = y.data;
      EXPECT_EQ(y.data, first) << scheme << textOf(schedule);
    }
  }
}

} // namespace
