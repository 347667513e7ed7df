//===- TargetChoiceTest.cpp - passes decide for the target that they are given -------------------------===//

#include "dialects/gemma/Gemma.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/Pipeline.h"
#include "targets/Devices.h"

#include <gtest/gtest.h>

namespace gemmac {
namespace {

constexpr char kModel[] = R"(
module attributes {gemma.context = 64 : i64, gemma.max_tokens = 16 : i64} {
gemma.weight @w : tensor<2048x64xf32> scheme q4_0 from ["w"]
func.func @score(%x: tensor<?x64xf32> {gemma.port = "x"}) -> (tensor<?x2048xf32> {gemma.port = "y"}) {
  %q = gemma.quantize %x : tensor<?x64xf32> -> tensor<?x64xi8, #gemma.blocks<32>>
  %y = gemma.linear %q, @w : tensor<?x64xi8, #gemma.blocks<32>> -> tensor<?x2048xf32>
  return %y : tensor<?x2048xf32>
}
}
)";

/// A row's copy, as `host` is one: the name says nothing of what was changed.
Target copyOf(const char *name) {
  const Target *row = findTarget(name);
  EXPECT_TRUE(row);
  return *row;
}

struct Passes : testing::Test {
  Passes() {
    mlir::DialectRegistry registry;
    registry.insert<gemma::GemmaDialect, plan::PlanDialect, mlir::arith::ArithDialect,
                    mlir::func::FuncDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// kModel through the stages `select` and `plan`.
  mlir::OwningOpRef<mlir::ModuleOp> planFor(const Target &target) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(kModel, &context);
    EXPECT_TRUE(module);
    mlir::PassManager passes(&context);
    PipelineOptions options;
    options.target = &target;
    for (const Stage &stage : stages().take_back(2))
      stage.add(passes, options);
    EXPECT_TRUE(succeeded(passes.run(*module)));
    return module;
  }

  /// The last one.
  static plan::CallOp callIn(mlir::ModuleOp module) {
    plan::CallOp call;
    module.walk([&](plan::CallOp found) { call = found; });
    EXPECT_TRUE(call);
    return call;
  }

  mlir::MLIRContext context;
};

TEST_F(Passes, SelectKernelsSharesWorkAmongTheCoresThatItIsGiven) {
  Target target = copyOf("generic-x86-64-v3");
  target.cores = 8;
  EXPECT_EQ(callIn(*planFor(target)).getGrain(), 64u);
  target.cores = 2;
  EXPECT_EQ(callIn(*planFor(target)).getGrain(), 256u);
  target.cores = 1;
  EXPECT_FALSE(callIn(*planFor(target)).getGrain());
}

TEST_F(Passes, SelectKernelsSchedulesForTheCachesThatItIsGiven) {
  Target target = copyOf("generic-x86-64-v3");
  int64_t groups = callIn(*planFor(target)).getKernel().getSchedule().tokenGroups;
  target.l2 *= 4;
  EXPECT_EQ(callIn(*planFor(target)).getKernel().getSchedule().tokenGroups, 4 * groups);
}

TEST_F(Passes, AssignArenaKeepsRoomBehindWhatTheTargetsKernelsRead) {
  auto arenaBytes = [&](const Target &target) {
    auto module = planFor(target);
    return (*module)->getAttrOfType<mlir::IntegerAttr>("plan.arena_bytes").getInt();
  };
  Target target = copyOf("generic-x86-64-v3");
  int64_t without = arenaBytes(target);
  target.matrixTiles8 = true;
  EXPECT_EQ(arenaBytes(target), without + 15 * 64) << "a matrix tile reads 16 rows of 64 bytes";
}

} // namespace
} // namespace gemmac
