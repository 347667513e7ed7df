//===- PlanInterpreter.h - runs a plan with the reference's math ----------------------------------------===//
//
// After every pass of the stage `plan`, from buffers without offsets to views of one arena. Weights are read
// from the bytes of a package, arrays from the bytes of their memories, so that a wrong offset is a wrong
// result; what was never written is not read.

#ifndef GEMMAC_COMPILER_VERIFY_PLANINTERPRETER_H
#define GEMMAC_COMPILER_VERIFY_PLANINTERPRETER_H

#include "compiler/reference/Runner.h"
#include "compiler/verify/PackedWeights.h"
#include "compiler/verify/PlanKernels.h"

namespace gemmac::verify {

class PlanInterpreter : public reference::Runner, private PlanWalk {
public:
  /// Both must outlive the interpreter; the module must not change meanwhile.
  PlanInterpreter(mlir::ModuleOp module, PackedWeights &weights);

  /// Runs an entry. Inputs named `positions` and `visible` take these, others the ids. Returns its outputs.
  llvm::Expected<std::vector<reference::Array>> call(llvm::StringRef entry, llvm::ArrayRef<int32_t> ids,
                                                     int64_t position = 0,
                                                     llvm::ArrayRef<int32_t> seeing = {}) override;
  mlir::func::FuncOp find(llvm::StringRef entry) override {
    return symbols.lookup<mlir::func::FuncOp>(entry);
  }
  void reset() override;

private:
  void born(const Region &buffer, mlir::Operation *op) override;
  llvm::Error call(plan::CallOp call, llvm::ArrayRef<Region> operands) override;

  llvm::Error loadWeights();
  /// All planes of the module's weights, or caches, where they have their places.
  template <typename Symbol>
  llvm::Error makePlanes(plan::Memory kind, llvm::StringRef sizeAttribute,
                         llvm::function_ref<llvm::Error(Symbol, size_t, const Region &)> fill);
  llvm::Error bindInputs(mlir::func::FuncOp entry, llvm::ArrayRef<int32_t> ids, int64_t position,
                         llvm::ArrayRef<int32_t> seeing);
  llvm::Expected<std::vector<reference::Array>> takeOutputs(mlir::func::FuncOp entry, int64_t count);

  PackedWeights &weights;
  PlanMemory memory;
  PlanKernels kernels;
  bool loaded = false;
};

} // namespace gemmac::verify

#endif
