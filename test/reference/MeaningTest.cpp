//===- MeaningTest.cpp - no pass changes what a model computes ------------------------------------------===//
//
// The reference's math is such that fusing, splitting and cutting into calls change no bit: after every pass,
// every cut of a sequence must give the very logits of the imported model. Only the quantize stage may change
// them, because it changes the numbers themselves, and reduced caches by a rounding: a value is rounded
// before its key's weight multiplies it.

#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Phases.h"
#include "dialects/gemma/Stored.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Pipeline.h"
#include "test/reference/Golden.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace gemmac::reference {
namespace {

constexpr int64_t kContext = 128;

/// Shows the module to `check` after each pass that ran on it or on a function of it.
class AfterEachPass : public mlir::PassInstrumentation {
public:
  using Check = std::function<void(llvm::StringRef pass, mlir::ModuleOp)>;
  explicit AfterEachPass(Check check) : check(std::move(check)) {}

  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override {
    // What has no argument is no pass of ours, but MLIR's own way to reach nested ops.
    if (pass->getArgument().empty())
      return;
    auto module = llvm::dyn_cast<mlir::ModuleOp>(op);
    check(pass->getArgument(), module ? module : op->getParentOfType<mlir::ModuleOp>());
  }

private:
  Check check;
};

Array unwrap(llvm::Expected<Array> array) {
  if (array)
    return std::move(*array);
  ADD_FAILURE() << llvm::toString(array.takeError());
  return Array::zeros({0, 0});
}

/// The rows from `first` on.
Array rowsFrom(const Array &array, int64_t first) {
  Shape shape = array.shape();
  shape[0] -= std::min(first, shape[0]);
  return {shape, std::vector<float>(array.floats().end() - numbersOf(shape), array.floats().end())};
}

/// Root mean square of a - b over that of b.
double relativeError(const Array &a, const Array &b) {
  EXPECT_EQ(a.shape(), b.shape());
  double error = 0, size = 0;
  for (size_t k = 0; k < std::min(a.floats().size(), b.floats().size()); ++k) {
    error += std::pow(double(a.floats()[k]) - b.floats()[k], 2);
    size += std::pow(double(b.floats()[k]), 2);
  }
  return std::sqrt(error / size);
}

/// The longest prompt of a case and how it goes on: far enough that every ring of the sliding layers wraps.
std::vector<int32_t> sequenceOf(const GoldenCase &golden) {
  const Prompt &prompt = golden.prompts.back();
  std::vector<int32_t> ids = prompt.ids;
  ids.insert(ids.end(), prompt.greedy.begin(), prompt.greedy.end() - 6);
  return ids;
}

/// A golden model through the stages up to the last one that is still gemma IR.
class Meaning {
public:
  Meaning(const std::string &name, int64_t maxTokens, std::vector<int64_t> chunks)
      : golden(name, {.name = "model", .context = kContext, .maxTokens = maxTokens}),
        chunks(std::move(chunks)) {
    if (golden.module)
      ids = sequenceOf(golden);
  }

  bool ready() const { return bool(golden.module); }

  /// Logits of every position; a failure if the cuts that the module knows do not agree in every bit.
  Array everyCut(mlir::ModuleOp module) {
    Interpreter interpreter(module, *golden.weights);
    Array logits = unwrap(score(interpreter, ids, chunks.front()));
    for (int64_t chunk : llvm::drop_begin(chunks))
      EXPECT_EQ(largestDifference(unwrap(score(interpreter, ids, chunk)), logits), 0.0f)
          << "in chunks of " << chunk;
    if (!interpreter.find("decode"))
      return logits;
    size_t decoded = ids.size() - 6;
    for (int64_t chunk : chunks)
      EXPECT_EQ(largestDifference(unwrap(prefillAndDecode(interpreter, ids, decoded, chunk)),
                                  rowsFrom(logits, decoded)),
                0.0f)
          << "decoded after a prefill in chunks of " << chunk;
    return logits;
  }

  void run(const PipelineOptions &options, AfterEachPass::Check check) {
    mlir::PassManager pm(&golden.context);
    if (check)
      pm.addInstrumentation(std::make_unique<AfterEachPass>(std::move(check)));
    ASSERT_TRUE(addStagesThrough(pm, options, "select"));
    ASSERT_TRUE(mlir::succeeded(pm.run(*golden.module)));
    for (llvm::StringRef phase : {"prefill", "decode", "score"})
      EXPECT_TRUE(golden.module->lookupSymbol(phase)) << phase.str() << " is there to be compared";
  }

  mlir::ModuleOp module() { return *golden.module; }

private:
  GoldenCase golden;
  std::vector<int64_t> chunks;
  std::vector<int32_t> ids;
};

std::string nameOf(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

class EveryPass : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    if (!GoldenCase::available())
      GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  }

  void expectUnchanged(const PipelineOptions &options, int64_t maxTokens, std::vector<int64_t> chunks) {
    Meaning meaning(GetParam(), maxTokens, std::move(chunks));
    ASSERT_TRUE(meaning.ready());
    expectUnchanged(options, meaning);
  }

  void expectUnchanged(const PipelineOptions &options, Meaning &meaning) {
    Array expected = meaning.everyCut(meaning.module());
    meaning.run(options, [&](llvm::StringRef pass, mlir::ModuleOp module) {
      SCOPED_TRACE("after " + pass.str());
      Array logits = meaning.everyCut(module);
      if (pass == "gemma-reduce-caches") {
        EXPECT_LE(relativeError(logits, expected), 1e-6);
        expected = logits;
      }
      EXPECT_EQ(largestDifference(logits, expected), 0.0f);
    });
  }
};

// Rings have window - 1 + 16 = 31 slots: the sequence goes around them twice.
TEST_P(EveryPass, KeepsTheResultInShortCalls) {
  expectUnchanged({}, 16, {16, 7, 1});
}

TEST_P(EveryPass, KeepsTheResultInLongCalls) {
  expectUnchanged({}, 64, {64});
}

// The checkpoints hold bfloat16 numbers: stored as such, they are the same.
TEST_P(EveryPass, KeepsTheResultInTheCheckpointsOwnScheme) {
  expectUnchanged({.scheme = "bf16"}, 64, {64});
}

// The checkpoint's numbers are bfloat16, whatever we say that they are stored as: stacks are taken apart, and
// the result is the same.
TEST_P(EveryPass, KeepsTheResultOfStacksOfTwoSchemes) {
  Meaning meaning(GetParam(), 64, {64});
  ASSERT_TRUE(meaning.ready());
  mlir::OpBuilder builder(meaning.module());
  for (gemma::WeightOp weight : meaning.module().getOps<gemma::WeightOp>()) {
    llvm::StringRef name = weight.getSymName();
    bool wide = name.ends_with(".key") || name.ends_with(".up");
    weight->setAttr(gemma::kStoredAttr, builder.getStrArrayAttr({wide ? "f32" : "bf16"}));
  }
  expectUnchanged({.scheme = "file"}, meaning);
  for (llvm::StringRef part :
       {"layer0.qkv.bf16", "layer0.qkv.f32", "layer0.gate_up.bf16", "layer0.gate_up.f32"})
    EXPECT_TRUE(meaning.module().lookupSymbol(part)) << part.str();
}

INSTANTIATE_TEST_SUITE_P(Text, EveryPass, testing::ValuesIn(GoldenCase::all()),
                         [](const auto &info) { return nameOf(info.param); });

// Rounding keys and values to float16 costs up to 0.1 % of the logits' size (measured), and 5 % where it
// makes the router choose another expert.
TEST_P(EveryPass, HalfCachesCostLittle) {
  Meaning meaning(GetParam(), 16, {16, 7, 1});
  ASSERT_TRUE(meaning.ready());
  Array imported = meaning.everyCut(meaning.module());
  meaning.run({.cacheScheme = "f16"}, {});
  double bound = GetParam() == "tiny-26b-a4b" ? 0.25 : 0.003;
  EXPECT_LE(relativeError(meaning.everyCut(meaning.module()), imported), bound);
}

// One scale for a head of a position costs up to 1 % of the logits' size.
TEST_P(EveryPass, ByteCachesCostLittle) {
  Meaning meaning(GetParam(), 16, {16, 7, 1});
  ASSERT_TRUE(meaning.ready());
  Array imported = meaning.everyCut(meaning.module());
  meaning.run({.cacheScheme = "sliding=f16,global=q8_0"}, {});
  double bound = GetParam() == "tiny-26b-a4b" ? 0.25 : 0.03;
  EXPECT_LE(relativeError(meaning.everyCut(meaning.module()), imported), bound);
}

class Quantized : public testing::TestWithParam<std::tuple<std::string, std::string>> {};

// Whatever the numbers are, every cut gives the same bits: blocks and cache slots are rounded alike in all of
// them. Against the same weights with float activations, int8 ones cost 2 to 6 % of the logits' size
// (measured), and 15 % where a rounding makes the router choose another expert. Half caches on top flip some
// of these roundings, within the same bound.
TEST_P(Quantized, AllCutsAgree) {
  if (!GoldenCase::available())
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  auto [name, scheme] = GetParam();
  Meaning meaning(name, 16, {16, 7, 1});
  ASSERT_TRUE(meaning.ready());
  Array weights, activations, caches;
  meaning.run({.scheme = scheme, .cacheScheme = "f16"}, [&](llvm::StringRef pass, mlir::ModuleOp module) {
    SCOPED_TRACE("after " + pass.str());
    if (pass == "gemma-quantize-weights")
      weights = meaning.everyCut(module);
    else if (pass == "gemma-quantize-activations")
      activations = meaning.everyCut(module);
    else if (pass == "gemma-quantize-kv-cache")
      caches = meaning.everyCut(module);
  });
  double bound = name == "tiny-26b-a4b" ? 0.25 : 0.1;
  EXPECT_LE(relativeError(activations, weights), bound);
  EXPECT_LE(relativeError(caches, weights), bound);
}

INSTANTIATE_TEST_SUITE_P(
    Text, Quantized, testing::Combine(testing::ValuesIn(GoldenCase::all()), testing::Values("q8_0", "q4_0")),
    [](const auto &info) { return nameOf(std::get<0>(info.param) + "_" + std::get<1>(info.param)); });

} // namespace
} // namespace gemmac::reference
