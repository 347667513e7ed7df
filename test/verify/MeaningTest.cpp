//===- MeaningTest.cpp - no pass changes what a model computes ------------------------------------------===//

#include "compiler/verify/PassProof.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "mlir/IR/Builders.h"
#include "targets/Devices.h"
#include "test/verify/ProvenModel.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

#include <gtest/gtest.h>

namespace gemmac::verify {
namespace {

constexpr int64_t kContext = 128;

/// Proves the passes of a model; a failure says which one changed what.
void expectProven(ProvenModel &model, ProofOptions options) {
  ASSERT_TRUE(model.module);
  options.pipeline.target = findTarget("generic-x86-64-v3");
  options.ids = model.ids;
  llvm::Expected<Proof> proof = provePasses(*model.module, *model.weights, options);
  ASSERT_TRUE(bool(proof)) << llvm::toString(proof.takeError());
  EXPECT_FALSE(proof->deviation) << proof->deviation->text();
  llvm::StringSet<> changed;
  for (const ProvenPass &pass : proof->passes) {
    if (pass.changed)
      changed.insert(pass.pass);
    if (pass.relative)
      testing::Test::RecordProperty(pass.pass, llvm::formatv("{0:e2}", pass.relative).str());
  }
  for (llvm::StringRef pass : {"gemma-fuse-attention", "gemma-select-kernels", "plan-place-arguments"})
    EXPECT_TRUE(changed.contains(pass)) << pass.str() << " is there to be compared";
}

void expectProven(const std::string &name, const ProofOptions &options, int64_t maxTokens) {
  ProvenModel model(name, {.name = "model", .context = kContext, .maxTokens = maxTokens});
  expectProven(model, options);
}

class EveryPass : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    if (!ProvenModel::available(GetParam()))
      GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  }
};

// Rings of the golden models have window - 1 + 16 = 31 slots: the sequence goes around them twice.
TEST_P(EveryPass, KeepsTheResultInShortCalls) {
  expectProven(GetParam(), {.chunks = {16, 7, 1}}, 16);
}

TEST_P(EveryPass, KeepsTheResultInLongCalls) {
  expectProven(GetParam(), {.chunks = {64}}, 64);
}

// The checkpoints hold bfloat16 numbers: stored as such, they are the same.
TEST_P(EveryPass, KeepsTheResultInTheCheckpointsOwnScheme) {
  ProofOptions options{.pipeline = {.scheme = "bf16"}, .chunks = {64}};
  options.bounds = boundsOf({}, /*routed=*/false);
  expectProven(GetParam(), options, 64);
}

// The checkpoint's numbers are bfloat16, whatever we say that they are stored as: stacks are taken apart, and
// the result is the same.
TEST_P(EveryPass, KeepsTheResultOfStacksOfTwoSchemes) {
  ProvenModel model(GetParam(), {.name = "model", .context = kContext, .maxTokens = 64});
  ASSERT_TRUE(model.module);
  mlir::OpBuilder builder(*model.module);
  for (gemma::WeightOp weight : model.module->getOps<gemma::WeightOp>()) {
    llvm::StringRef name = weight.getSymName();
    bool wide = name.ends_with(".key") || name.ends_with(".up");
    weight->setAttr(gemma::kStoredAttr, builder.getStrArrayAttr({wide ? "f32" : "bf16"}));
  }
  ProofOptions options{.pipeline = {.scheme = "file"}, .chunks = {64}};
  options.bounds = boundsOf({}, /*routed=*/false);
  expectProven(model, options);
  for (llvm::StringRef part :
       {"layer0.qkv.bf16", "layer0.qkv.f32", "layer0.gate_up.bf16", "layer0.gate_up.f32"})
    EXPECT_TRUE(model.module->lookupSymbol(part)) << part.str();
}

TEST_P(EveryPass, HalfCachesCostLittle) {
  expectProven(GetParam(), {.pipeline = {.cacheScheme = "f16"}, .chunks = {16, 7, 1}}, 16);
}

TEST_P(EveryPass, ByteCachesCostLittle) {
  expectProven(GetParam(), {.pipeline = {.cacheScheme = "sliding=f16,global=q8_0"}, .chunks = {16, 7, 1}},
               16);
}

TEST_P(EveryPass, BytesForWeightsCostLittle) {
  expectProven(GetParam(), {.pipeline = {.scheme = "q8_0", .cacheScheme = "f16"}, .chunks = {16, 7, 1}}, 16);
}

TEST_P(EveryPass, FourBitsForWeightsCostSome) {
  expectProven(GetParam(), {.pipeline = {.scheme = "q4_0", .cacheScheme = "f16"}, .chunks = {16, 7, 1}}, 16);
}

INSTANTIATE_TEST_SUITE_P(Text, EveryPass, testing::ValuesIn(ProvenModel::all()),
                         [](const auto &info) { return testNameOf(info.param); });

} // namespace
} // namespace gemmac::verify
