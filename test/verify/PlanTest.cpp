//===- PlanTest.cpp - plans mean what the model does, and a wrong offset does not -----------------------===//

#include "compiler/verify/MemoryCheck.h"
#include "compiler/verify/PassProof.h"
#include "compiler/verify/PlanInterpreter.h"
#include "compiler/verify/Results.h"
#include "contract/KernelFamily.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "targets/Devices.h"
#include "test/verify/ProvenModel.h"

#include <gtest/gtest.h>

namespace gemmac::verify {
namespace {

/// A model with the stages before `plan` behind it.
class Selected : public ProvenModel {
public:
  Selected(const std::string &name, PipelineOptions options, int64_t maxTokens, int64_t positions = 128)
      : ProvenModel(name, {.name = "model", .context = positions, .maxTokens = maxTokens}) {
    options.target = findTarget("generic-x86-64-v3");
    run([&](mlir::PassManager &passes) { EXPECT_TRUE(addStagesThrough(passes, options, "select")); });
    proof.pipeline = options;
    proof.firstStage = "plan";
    proof.ids = ids;
  }

  template <typename Add>
  void run(Add add) {
    mlir::PassManager passes(&context);
    add(passes);
    EXPECT_TRUE(module && succeeded(passes.run(*module)));
  }

  ProofOptions proof;
};

void expectProven(Selected &model) {
  ASSERT_TRUE(model.module);
  llvm::Expected<Proof> proof = provePasses(*model.module, *model.weights, model.proof);
  ASSERT_TRUE(bool(proof)) << llvm::toString(proof.takeError());
  EXPECT_FALSE(proof->deviation) << proof->deviation->text();
  std::vector<std::string> passes;
  for (const ProvenPass &pass : proof->passes) {
    passes.push_back(pass.pass);
    EXPECT_TRUE(pass.changed) << pass.pass;
  }
  EXPECT_EQ(passes, (std::vector<std::string>{"convert-gemma-to-plan", "plan-outline-layers",
                                              "plan-assign-arena", "plan-place-arguments"}));
}

class EveryPlan : public testing::TestWithParam<std::tuple<std::string, std::string>> {
protected:
  void SetUp() override {
    if (!ProvenModel::available(std::get<0>(GetParam())))
      GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  }
};

// Calls of one token, and of as many as the window has, one less and one more.
TEST_P(EveryPlan, MeansWhatTheModelDoes) {
  auto [name, scheme] = GetParam();
  int64_t window = name == "bard-e2b" ? 64 : 16;
  Selected model(name, {.scheme = scheme, .cacheScheme = scheme == "f32" ? "f32" : "sliding=f16,global=q8_0"},
                 window + 1);
  model.proof.chunks = {window + 1, window, window - 1, 1};
  expectProven(model);
}

INSTANTIATE_TEST_SUITE_P(Text, EveryPlan,
                         testing::Combine(testing::ValuesIn(ProvenModel::all()),
                                          testing::Values("f32", "q8_0", "q4_0")),
                         [](const auto &info) {
                           return testNameOf(std::get<0>(info.param) + "_" + std::get<1>(info.param));
                         });

TEST(Plan, EveryFamilyOfKernelsHasAMeaning) {
  for (const KernelFamily &family : kernelFamilies())
    EXPECT_TRUE(PlanKernels::knows(family.name)) << family.name;
}

// Rings of a plan have 256 places at least: only a long sequence goes around them.
TEST(Plan, RingsGoAround) {
  Selected model("bard-e2b", {.scheme = "q4_0", .cacheScheme = "f16"}, 65, 512);
  while (model.ids.size() < 290)
    model.ids.push_back(model.ids[model.ids.size() - 71]);
  model.proof.ids = model.ids;
  model.proof.chunks = {65};
  expectProven(model);
}

/// A plan of the example, and how it is looked at.
class Example : public Selected {
public:
  explicit Example(bool placed) : Selected("bard-e2b", {.scheme = "q8_0", .cacheScheme = "f16"}, 16) {
    run([&](mlir::PassManager &passes) {
      passes.addPass(createConvertGemmaToPlan());
      passes.addPass(createOutlineLayers());
      passes.addPass(createAssignArena());
      if (placed)
        passes.addPass(createPlaceArguments());
    });
    proof.ids.resize(7);
    proof.chunks = {4};
    proof.decoded = 2;
  }

  /// What the checker says; empty if nothing.
  std::string wrong() {
    std::string all;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      all += diagnostic.str() + "\n";
      return mlir::success();
    });
    (void)checkMemory(*module);
    return all;
  }

  std::optional<std::vector<Cut>> results() {
    PlanInterpreter interpreter(*module, packed);
    Deviation deviation;
    return runEveryCut(interpreter, proof, deviation);
  }

private:
  PackedWeights packed{*weights};
};

std::string textOf(mlir::Operation *op) {
  std::string text;
  llvm::raw_string_ostream(text) << *op;
  return text;
}

/// The buffer behind views.
plan::ArenaOp arenaOf(mlir::Value memref) {
  while (auto view = memref.getDefiningOp<mlir::ViewLikeOpInterface>())
    memref = view.getViewSource();
  return memref.getDefiningOp<plan::ArenaOp>();
}

// The residual stream is needed from the first layer to the last: nothing may lie over it.
TEST(Plan, BuffersMovedOverTheResidualStreamAreFound) {
  Example example(/*placed=*/false);
  ASSERT_EQ(example.wrong(), "");
  auto score = example.module->lookupSymbol<mlir::func::FuncOp>("score");
  plan::ArenaOp residual;
  score.walk([&](plan::CallOp call) {
    if (call.getKernel().getFamily() == "embed")
      residual = residual ? residual : arenaOf(call.getOperands_().back());
  });
  ASSERT_TRUE(residual);
  int moved = 0;
  score.walk([&](plan::ArenaOp buffer) {
    if (buffer == residual)
      return;
    uint64_t place = buffer.getOffset();
    buffer.setOffset(residual.getOffset());
    EXPECT_NE(example.wrong().find("check-m1"), std::string::npos) << textOf(buffer) << example.wrong();
    buffer.setOffset(place);
    ++moved;
  });
  EXPECT_GT(moved, 2);
  EXPECT_EQ(example.wrong(), "");
}

// Each array of a finished plan, moved by some cache lines: the checker or the results tell. One line may not
// be enough: a factor that only norms see does not show in any result, but its plane ends.
TEST(Plan, ArraysMovedInAFinishedPlanAreFound) {
  Example example(/*placed=*/true);
  ASSERT_EQ(example.wrong(), "");
  std::optional<std::vector<Cut>> right = example.results();
  ASSERT_TRUE(right);
  auto isFound = [&] {
    if (!example.wrong().empty())
      return true;
    std::optional<std::vector<Cut>> results = example.results();
    bool same = results.has_value();
    for (size_t i = 0; same && i < right->size(); ++i)
      same = compare((*results)[i], (*right)[i], 0).within();
    return !same;
  };
  int moved = 0;
  example.module->walk([&](plan::ViewOp view) {
    uint64_t place = view.getBytes();
    bool found = false;
    for (uint64_t lines = 1; lines <= 16 && !found; ++lines) {
      view.setBytes(place + 64 * lines);
      found = isFound();
    }
    EXPECT_TRUE(found) << textOf(view) << textOf(*view->getUsers().begin());
    view.setBytes(place);
    ++moved;
  });
  EXPECT_GT(moved, 100);
}

} // namespace
} // namespace gemmac::verify
