//===- EmitObject.cpp - LLVM dialect to LLVM IR to an object file ---------------------------------------===//

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "targets/emit/Emit.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace gemmac {
namespace {

struct Translated {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

/// The module as optimised LLVM IR for the target's CPU.
llvm::Expected<std::unique_ptr<Translated>> translate(ModuleOp lowered, const Target &target) {
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  auto result = std::make_unique<Translated>();
  registerBuiltinDialectTranslation(*lowered.getContext());
  registerLLVMDialectTranslation(*lowered.getContext());
  result->module = translateModuleToLLVMIR(lowered, result->context, "gemmac");
  if (!result->module)
    return llvm::createStringError("the driver could not be translated to LLVM IR");

  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return llvm::createStringError("LLVM has no target for " + target.triple + ": " + error);
  result->machine.reset(
      found->createTargetMachine(triple, target.cpu, target.features, {}, llvm::Reloc::PIC_));
  result->module->setTargetTriple(triple);
  result->module->setDataLayout(result->machine->createDataLayout());

  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder passes(result->machine.get());
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(callGraph);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, callGraph, modules);
  passes.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::Os).run(*result->module, modules);
  return result;
}

} // namespace

llvm::Expected<std::string> emitLLVM(ModuleOp lowered, const Target &target) {
  auto translated = translate(lowered, target);
  if (!translated)
    return translated.takeError();
  std::string text;
  llvm::raw_string_ostream(text) << *(*translated)->module;
  return text;
}

llvm::Expected<std::string> emitObject(ModuleOp lowered, const Target &target) {
  auto translated = translate(lowered, target);
  if (!translated)
    return translated.takeError();
  llvm::SmallString<0> object;
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if ((*translated)->machine->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("LLVM cannot write object files for " + target.triple);
  passes.run(*(*translated)->module);
  return std::string(object.str());
}

} // namespace gemmac
