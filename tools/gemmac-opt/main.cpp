//===- main.cpp - gemmac-opt: run any pass or stage on a text file --------------------------------------===//

#include "dialects/gemma/Gemma.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "passes/Pipeline.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

/// What MlirOptMain does, but an output that cannot be written is a message: LLVM's stream would end the
/// process.
static mlir::LogicalResult run(llvm::StringRef input, llvm::StringRef output,
                               mlir::DialectRegistry &registry) {
  std::string problem;
  std::unique_ptr<llvm::MemoryBuffer> text = mlir::openInputFile(input, &problem);
  std::unique_ptr<llvm::ToolOutputFile> file = text ? mlir::openOutputFile(output, &problem) : nullptr;
  if (!file) {
    llvm::errs() << "error: " << problem << "\n";
    return mlir::failure();
  }
  mlir::LogicalResult result = mlir::MlirOptMain(file->os(), std::move(text), registry,
                                                 mlir::MlirOptMainConfig::createFromCLOptions());
  file->os().flush();
  if (std::error_code error = file->os().error()) {
    llvm::errs() << "error: cannot write '" << output << "': " << error.message() << "\n";
    file->os().clear_error();
    return mlir::failure();
  }
  if (succeeded(result))
    file->keep();
  return result;
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<gemmac::gemma::GemmaDialect, gemmac::plan::PlanDialect, mlir::arith::ArithDialect,
                  mlir::func::FuncDialect, mlir::LLVM::LLVMDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect>();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  gemmac::registerGemmacPasses();
  gemmac::registerPipelines();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "gemmac-opt\n", registry);
  const auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses())
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  llvm::InitLLVM initialized(argc, argv);
  return mlir::asMainReturnCode(run(input, output, registry));
}
