//===- KernelSpecsTest.cpp - specifications as attributes, and the kernels of a plan --------------------===//

#include "dialects/plan/KernelSpecs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"

#include <gtest/gtest.h>

using namespace gemmac;

namespace {

struct Kernels : testing::Test {
  Kernels() {
    mlir::DialectRegistry registry;
    registry.insert<plan::PlanDialect, mlir::func::FuncDialect>();
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// A plan that calls these families for rows of these sizes.
  mlir::OwningOpRef<mlir::ModuleOp> calling(const std::vector<std::pair<std::string, int>> &kernels) {
    std::string arguments, calls;
    for (const auto &[family, size] : kernels) {
      std::string sizeText = std::to_string(size), type = "memref<?x1x" + sizeText + "xf32>";
      std::string x = "%x" + std::to_string(arguments.size());
      arguments += (arguments.empty() ? "" : ", ") + x + ": " + type;
      calls += "  plan.call <\"" + family + "\", {heads = 1 : i64, size = " + sizeText + " : i64}> (" + x +
               ", " + x + ") outputs 1 : " + type + ", " + type + "\n";
    }
    return mlir::parseSourceString<mlir::ModuleOp>(
        "func.func @f(" + arguments + ") {\n" + calls + "  return\n}\n", &context);
  }

  mlir::MLIRContext context;
};

TEST_F(Kernels, AreTheSameAsAttributes) {
  KernelSpec spec{"linear",
                  {{"input", int64_t{64}}, {"cap", 30.0}, {"scheme", "q4_0"}},
                  {.rowTiles = 1, .tokens = 4, .unpack = 1}};
  plan::KernelAttr attribute = kernelAttrOf(spec, &context);
  EXPECT_EQ(specOf(attribute), spec);
  spec.schedule.tokens = 8;
  EXPECT_NE(kernelAttrOf(spec, &context), attribute);
}

TEST_F(Kernels, AreListedOnceInTheOrderOfTheirSymbols) {
  auto plan = calling({{"softmax", 4}, {"gelu", 4}, {"softmax", 4}, {"softmax", 8}});
  ASSERT_TRUE(plan);
  auto kernels = kernelsOf(*plan);
  ASSERT_TRUE(succeeded(kernels));
  ASSERT_EQ(kernels->size(), 3u);
  EXPECT_EQ(kernels->front().family, "gelu");
  EXPECT_TRUE(llvm::is_sorted(
      *kernels, [](const KernelSpec &a, const KernelSpec &b) { return a.symbol() < b.symbol(); }));
}

TEST_F(Kernels, OfOneSymbolAreRefusedUnlessTheyAreTheSame) {
  // As if the hash of both were the same.
  auto symbolOf = [](const KernelSpec &spec) { return spec.family; };
  auto same = calling({{"gelu", 4}, {"gelu", 4}});
  EXPECT_TRUE(succeeded(kernelsOf(*same, symbolOf)));

  std::string said;
  mlir::ScopedDiagnosticHandler handler(&context,
                                        [&](mlir::Diagnostic &diagnostic) { said = diagnostic.str(); });
  auto different = calling({{"gelu", 4}, {"gelu", 8}});
  EXPECT_TRUE(failed(kernelsOf(*different, symbolOf)));
  EXPECT_EQ(said,
            "'plan.call' op call-p10: gelu{heads=1;size=8;}{} and gelu{heads=1;size=4;}{} have the same "
            "symbol, gelu");
}

} // namespace
