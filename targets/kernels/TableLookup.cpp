//===- TableLookup.cpp - bytes found in a table of 16, with one instruction for a vector ----------------===//

#include "targets/kernels/TableLookup.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsAArch64.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"

namespace gemmac {

using namespace llvm;

namespace {

constexpr unsigned kTableSize = 16;

class Lookups {
public:
  Lookups(Function &function, const int8_t *values, const Target &target)
      : scalar(function), values(values), target(target) {}

  void resolve() {
    SmallVector<InsertElementInst *> ends;
    for (User *user : scalar.users())
      for (User *insert : user->users())
        if (auto *element = dyn_cast<InsertElementInst>(insert); element && !goesOn(element))
          ends.push_back(element);
    for (InsertElementInst *end : ends)
      replace(end);
    define();
  }

private:
  bool isCall(Value *value) const {
    auto *call = dyn_cast<CallInst>(value);
    return call && call->getCalledFunction() == &scalar;
  }

  /// Does another lane follow?
  bool goesOn(InsertElementInst *element) const {
    return element->hasOneUse() && isa<InsertElementInst>(*element->user_begin()) &&
           isCall(cast<InsertElementInst>(*element->user_begin())->getOperand(1));
  }

  /// Replaces a vector whose lanes are all looked up by one lookup of the vector of their indices.
  void replace(InsertElementInst *end) {
    auto *type = cast<FixedVectorType>(end->getType());
    SmallVector<Value *> indices(type->getNumElements());
    Value *rest = end;
    while (auto *element = dyn_cast<InsertElementInst>(rest)) {
      auto *lane = dyn_cast<ConstantInt>(element->getOperand(2));
      if (!lane || !isCall(element->getOperand(1)) || indices[lane->getZExtValue()])
        return;
      indices[lane->getZExtValue()] = cast<CallInst>(element->getOperand(1))->getArgOperand(0);
      rest = element->getOperand(0);
    }
    if (is_contained(indices, nullptr))
      return;
    IRBuilder<> builder(end);
    Value *vector = PoisonValue::get(type);
    for (auto [lane, index] : enumerate(indices))
      vector = builder.CreateInsertElement(vector, index, lane);
    end->replaceAllUsesWith(lookup(builder, vector));
  }

  Value *lookup(IRBuilder<> &builder, Value *indices) {
    unsigned lanes = cast<FixedVectorType>(indices->getType())->getNumElements();
    unsigned most = Triple(target.triple).isAArch64() ? kTableSize : unsigned(target.vectorBytes);
    unsigned width = std::min(std::max(lanes, kTableSize), most);
    SmallVector<Value *> parts;
    for (unsigned first = 0; first < lanes; first += width) {
      SmallVector<int> mask;
      for (unsigned lane = 0; lane < width; ++lane)
        mask.push_back(first + lane < lanes ? int(first + lane) : -1);
      parts.push_back(instruction(builder, builder.CreateShuffleVector(indices, mask), width));
    }
    // Joined in pairs: a shuffle takes two vectors of one type.
    while (parts.size() > 1) {
      SmallVector<Value *> joined;
      for (size_t i = 0; i + 1 < parts.size(); i += 2) {
        unsigned size = cast<FixedVectorType>(parts[i]->getType())->getNumElements();
        joined.push_back(builder.CreateShuffleVector(parts[i], parts[i + 1], all(2 * size)));
      }
      if (parts.size() % 2)
        joined.push_back(builder.CreateShuffleVector(
            parts.back(), all(cast<FixedVectorType>(joined[0]->getType())->getNumElements(),
                              cast<FixedVectorType>(parts.back()->getType())->getNumElements())));
      parts = std::move(joined);
    }
    return builder.CreateShuffleVector(parts[0], all(lanes));
  }

  /// 0, 1, … count - 1; beyond `known` anything.
  static SmallVector<int> all(unsigned count, unsigned known = ~0u) {
    SmallVector<int> mask;
    for (unsigned i = 0; i < count; ++i)
      mask.push_back(i < known ? int(i) : -1);
    return mask;
  }

  Value *instruction(IRBuilder<> &builder, Value *indices, unsigned width) {
    SmallVector<Constant *> table;
    for (unsigned i = 0; i < width; ++i)
      table.push_back(builder.getInt8(uint8_t(values[i % kTableSize])));
    Value *vector = ConstantVector::get(table);
    if (Triple(target.triple).isAArch64())
      return builder.CreateIntrinsic(Intrinsic::aarch64_neon_tbl1, {indices->getType()}, {vector, indices});
    Intrinsic::ID shuffle = width == 64   ? Intrinsic::x86_avx512_pshuf_b_512
                            : width == 32 ? Intrinsic::x86_avx2_pshuf_b
                                          : Intrinsic::x86_ssse3_pshuf_b_128;
    return builder.CreateIntrinsic(shuffle, {}, {vector, indices});
  }

  /// Calls that are no part of a whole vector load from the table.
  void define() {
    Module &module = *scalar.getParent();
    LLVMContext &context = module.getContext();
    SmallVector<uint8_t> bytes(values, values + kTableSize);
    Constant *table = ConstantDataArray::get(context, bytes);
    auto *stored = new GlobalVariable(module, table->getType(), true, GlobalValue::PrivateLinkage, table);
    IRBuilder<> builder(BasicBlock::Create(context, "", &scalar));
    Value *place = builder.CreateInBoundsGEP(builder.getInt8Ty(), stored,
                                             builder.CreateZExt(scalar.getArg(0), builder.getInt64Ty()));
    builder.CreateRet(builder.CreateLoad(builder.getInt8Ty(), place));
    scalar.setLinkage(GlobalValue::InternalLinkage);
    scalar.removeFnAttr(Attribute::Memory);
    scalar.addFnAttr(Attribute::AlwaysInline);
  }

  Function &scalar;
  const int8_t *values;
  const Target &target;
};

void simplify(Module &module, TargetMachine &machine) {
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  ModulePassManager passes;
  passes.addPass(AlwaysInlinerPass());
  FunctionPassManager ofFunctions;
  ofFunctions.addPass(InstCombinePass());
  ofFunctions.addPass(EarlyCSEPass());
  passes.addPass(createModuleToFunctionPassAdaptor(std::move(ofFunctions)));
  passes.run(module, modules);
}

} // namespace

LookupCode compileLookups(const std::string &assembly, const int8_t *values, const Target &target,
                          CodeKind kind) {
  InitializeAllTargets();
  InitializeAllTargetMCs();
  InitializeAllAsmPrinters();
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseAssemblyString(assembly, diagnostic, context);
  if (!module)
    return {"", "LLVM does not read what Halide wrote: " + diagnostic.getMessage().str()};
  if (Function *function = module->getFunction(kTableLookup))
    Lookups(*function, values, target).resolve();

  Triple triple(target.triple);
  std::string error;
  const llvm::Target *found = TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return {"", "LLVM has no target for " + target.triple + ": " + error};
  // CPU and features are attributes of the functions.
  std::unique_ptr<TargetMachine> machine(
      found->createTargetMachine(triple, "", "", {}, Reloc::PIC_, {}, CodeGenOptLevel::Aggressive));
  module->setTargetTriple(triple);
  module->setDataLayout(machine->createDataLayout());
  simplify(*module, *machine);

  SmallString<0> bytes;
  raw_svector_ostream stream(bytes);
  if (kind == CodeKind::llvm) {
    stream << *module;
    return {std::string(bytes.str())};
  }
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   kind == CodeKind::object ? CodeGenFileType::ObjectFile
                                                            : CodeGenFileType::AssemblyFile))
    return {"", "LLVM cannot write code for " + target.triple};
  passes.run(*module);
  return {std::string(bytes.str())};
}

} // namespace gemmac
