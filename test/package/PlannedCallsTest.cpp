// What every step of a plan reads and multiplies, counted by hand for a plan with one of each kind of call.

#include "compiler/package/PlannedCalls.h"

#include "compiler/package/Manifest.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "test/TemporaryFolder.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace gemmac;

namespace {

/// Layers 0 and 2 are sliding and share a procedure; layer 1 stands in the entry point and has experts.
constexpr char kPlan[] = R"(
plan.weight @embedding layout "tiles16" planes [memref<4x2x4x16x4xi8>, memref<4x2x16xf16>] at [0, 2048] shape [64, 64] scheme "q4_0" from ["e"]
plan.weight @layer0.qkv layout "tiles16" planes [memref<2x2x4x16x4xi8>, memref<2x2x16xf16>] at [2304, 3328] shape [32, 64] scheme "q4_0" from ["a"]
plan.weight @layer2.qkv layout "tiles16" planes [memref<2x2x4x16x4xi8>, memref<2x2x16xf16>] at [3456, 4480] shape [32, 64] scheme "q4_0" from ["b"]
plan.weight @layer1.experts layout "tiles16" planes [memref<8x2x64x16xf32>] at [4608] shape [8, 32, 64] scheme "f32" from ["c"]
plan.cache @layer0.cache planes [memref<1x1x16x32x16xf16>, memref<1x1x2x256x16xf16>] at [0, 16384]
plan.table @table layers [0, 2] planes [0, 1, 0, 1] rows [[@layer0.qkv, @layer0.qkv, @layer0.cache, @layer0.cache], [@layer2.qkv, @layer2.qkv, @layer0.cache, @layer0.cache]]
func.func private @layer(%x: memref<?x64xf32>, %at: memref<?xi32>, %row: index) attributes {plan.tokens = 4 : i64} {
  %count = plan.count
  %q = plan.arena at 4096(%count) : memref<?x64xi8>
  %qs = plan.arena at 8192(%count) : memref<?x4xf32>
  %sums = plan.arena at 9216(%count) : memref<?x4xi32>
  %y = plan.arena at 10240(%count) : memref<?x16xf32>
  %w = plan.row_get @table[%row, 0] : memref<2x2x4x16x4xi8>
  %s = plan.row_get @table[%row, 1] : memref<2x2x16xf16>
  // The second half of the rows.
  plan.call <"linear", {input = 64 : i64, offset = 16 : i64, output = 16 : i64, rows = 32 : i64, scheme = "q4_0", tokens = 0 : i64}>(%q, %qs, %sums, %w, %s, %y) outputs 1
      : memref<?x64xi8>, memref<?x4xf32>, memref<?x4xi32>, memref<2x2x4x16x4xi8>, memref<2x2x16xf16>, memref<?x16xf32>
  %k = plan.row_get @table[%row, 2] : memref<1x1x16x32x16xf16>
  %v = plan.row_get @table[%row, 3] : memref<1x1x2x256x16xf16>
  %heads = memref.expand_shape %x [[0], [1, 2]] output_shape [%count, 2, 32] : memref<?x64xf32> into memref<?x2x32xf32>
  %key = plan.arena at 12288(%count) : memref<?x1x32xf32>
  %o = plan.arena at 16384(%count) : memref<?x2x32xf32>
  plan.call <"cache_write", {dim = 32 : i64, heads = 1 : i64, scheme = "f16", slots = 31 : i64}>(%key, %key, %at, %k, %v) outputs 2
      : memref<?x1x32xf32>, memref<?x1x32xf32>, memref<?xi32>, memref<1x1x16x32x16xf16>, memref<1x1x2x256x16xf16>
  plan.call <"cached_attention", {dim = 32 : i64, heads = 2 : i64, kv_heads = 1 : i64, scale = 1.0, scheme = "f16", slots = 31 : i64, window = 16 : i64}>(%heads, %at, %at, %k, %v, %o) outputs 1
      : memref<?x2x32xf32>, memref<?xi32>, memref<?xi32>, memref<1x1x16x32x16xf16>, memref<1x1x2x256x16xf16>, memref<?x2x32xf32>
  return
}
func.func @decode(%tokens: memref<?xi32> {plan.input = "tokens"}, %at: memref<?xi32> {plan.input = "positions"}) attributes {plan.tokens = 4 : i64} {
  %count = plan.count
  %x = plan.arena at 0(%count) : memref<?x64xf32>
  %e = plan.get @embedding plane 0 : memref<4x2x4x16x4xi8>
  %es = plan.get @embedding plane 1 : memref<4x2x16xf16>
  plan.call <"embed", {columns = 64 : i64, layout = "tiles16", offset = 0 : i64, scale = 8.0, scheme = "q4_0", vocab = 64 : i64, width = 64 : i64}>(%tokens, %e, %es, %x) outputs 1
      : memref<?xi32>, memref<4x2x4x16x4xi8>, memref<4x2x16xf16>, memref<?x64xf32>
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %row = %zero to %one step %one {
    func.call @layer(%x, %at, %row) : (memref<?x64xf32>, memref<?xi32>, index) -> ()
  }
  %flat = memref.collapse_shape %x [[0, 1]] : memref<?x64xf32> into memref<?xf32>
  %experts = plan.get @layer1.experts plane 0 {gemma.layer = 1 : i64} : memref<8x2x64x16xf32>
  %ids = plan.arena at 20480(%count) : memref<?x3xi32>
  %z = plan.arena at 24576(%count) : memref<?x3x32xf32>
  plan.call <"expert_linear", {choices = 3 : i64, experts = 8 : i64, input = 64 : i64, output = 32 : i64, scheme = "f32", shared = 1 : i64}>(%x, %ids, %experts, %z) outputs 1 {gemma.layer = 1 : i64}
      : memref<?x64xf32>, memref<?x3xi32>, memref<8x2x64x16xf32>, memref<?x3x32xf32>
  func.call @layer(%x, %at, %one) : (memref<?x64xf32>, memref<?xi32>, index) -> ()
  return
}
)";

struct PlannedCalls : testing::Test {
  void SetUp() override {
    mlir::DialectRegistry registry;
    registry.insert<plan::PlanDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                    mlir::memref::MemRefDialect, mlir::scf::SCFDialect>();
    context.appendDialectRegistry(registry);
    module = mlir::parseSourceString<mlir::ModuleOp>(kPlan, &context);
    ASSERT_TRUE(module);
    // Calls are read from finished plans.
    mlir::PassManager passes(&context);
    passes.addPass(createPlaceArguments());
    ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
    phases = plannedPhases(*module);
    ASSERT_EQ(phases.size(), 1u);
  }
  const PlannedPhase &decode() { return phases[0]; }
  const PlannedCall &call(const std::string &family) {
    for (const PlannedCall &call : decode().calls)
      if (call.kernel.starts_with(family))
        return call;
    ADD_FAILURE() << family;
    return decode().calls[0];
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<PlannedPhase> phases;
};

TEST_F(PlannedCalls, AreInTheOrderOfTheStepWithTheirLayers) {
  std::string text;
  for (const PlannedPhase::Stretch &stretch : decode().order) {
    text += std::to_string(stretch.layer) + ":";
    for (size_t index : stretch.calls)
      text += " " + decode().calls[index].kernel.substr(0, decode().calls[index].kernel.find('_')) +
              (decode().calls[index].weight.empty() ? "" : "/" + decode().calls[index].weight);
    text += "; ";
  }
  EXPECT_EQ(
      text,
      "-1: embed/embedding; 0: linear/qkv cache cached; 1: expert/experts; 2: linear/qkv cache cached; ");
}

TEST_F(PlannedCalls, ReadAPartOfAStackedWeight) {
  Work work = call("linear").work({.tokens = 5});
  EXPECT_EQ(work.bytes, 16 * 64 / 2 + 16 * 2 * 2);
  EXPECT_EQ(work.integerProducts, 5 * 16 * 64);
  EXPECT_EQ(work.floatProducts, 0);
}

TEST_F(PlannedCalls, LookUpARowOfEachToken) {
  Work work = call("embed").work({.tokens = 3});
  EXPECT_EQ(work.bytes, 3 * (64 / 2 + 2 * 2));
  EXPECT_EQ(work.products(), 0);
}

TEST_F(PlannedCalls, ReadEveryExpertOnceAtMost) {
  EXPECT_EQ(call("expert_linear").work({.tokens = 1}).bytes, 3 * 32 * 64 * 4);
  EXPECT_EQ(call("expert_linear").work({.tokens = 100}).bytes, 8 * 32 * 64 * 4);
  EXPECT_EQ(call("expert_linear").work({.tokens = 100}).floatProducts, 100 * 3 * 32 * 64);
}

TEST_F(PlannedCalls, SeeTheWindow) {
  const int64_t slot = 2 * 32 * 2, products = 2 * 2 * 32;
  const PlannedCall &attention = call("cached_attention");
  EXPECT_EQ(attention.work({.tokens = 1, .position = 3}).bytes, 4 * slot);
  EXPECT_EQ(attention.work({.tokens = 1, .position = 100}).bytes, 16 * slot);
  EXPECT_EQ(attention.work({.tokens = 4, .position = 100}).bytes, 19 * slot);
  EXPECT_EQ(attention.work({.tokens = 4, .position = 13}).floatProducts, products * (14 + 15 + 16 + 16));
  EXPECT_EQ(call("cache_write").work({.tokens = 4, .position = 13}).bytes, 0);
}

TEST_F(PlannedCalls, OfAPhaseAddUp) {
  Work sum;
  for (const char *family :
       {"embed", "linear", "cached_attention", "expert_linear", "linear", "cached_attention"})
    sum += call(family).work({.tokens = 2, .position = 7});
  EXPECT_EQ(decode().work({.tokens = 2, .position = 7}).bytes, sum.bytes);
  EXPECT_EQ(decode().work({.tokens = 2, .position = 7}).products(), sum.products());
}

TEST_F(PlannedCalls, AreReadBackFromTheManifest) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "manifest.json";
  ModelFacts facts;
  Contents contents{{}, {}, {}, phases, {}};
  std::string text = manifest(facts, contents);
  std::ofstream(file) << text;
  auto read = readManifest(file);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  ASSERT_EQ(read->phases.size(), 1u);
  EXPECT_EQ(read->phases[0].name, "decode");
  EXPECT_EQ(read->phases[0].calls, decode().calls);
  ASSERT_EQ(read->phases[0].order.size(), decode().order.size());
  EXPECT_EQ(read->phases[0].order[3].layer, 2);
  EXPECT_EQ(read->phases[0].order[3].calls, decode().order[3].calls);

  text.replace(text.find("\"calls\": \"0"), 11, "\"calls\": \"99");
  std::ofstream(file) << text;
  EXPECT_EQ(llvm::toString(readManifest(file).takeError()), file + ": '99' is none of the 5 calls of decode");
  std::ofstream(file) << "{}";
  EXPECT_NE(llvm::toString(readManifest(file).takeError()).find("is no manifest of a compiled model"),
            std::string::npos);
  unlink(file.c_str());
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(llvm::toString(readManifest(file).takeError()), file + ": is not a regular file");
}

} // namespace
