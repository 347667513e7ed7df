//===- Thunks.h - how a plan calls a Halide kernel ------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_EMIT_THUNKS_H
#define GEMMAC_TARGETS_EMIT_THUNKS_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringMap.h"

namespace gemmac {

/// Creates the thunks of a module. `void thunk(arguments, begin, end)`, a gemmac_task, builds the kernel's
/// halide_buffer_t's from an argument block and calls the kernel on the pieces begin … end - 1. Calls of one
/// kernel with the same argument types share a thunk.
class Thunks {
public:
  explicit Thunks(mlir::ModuleOp module) : module(module) {}

  /// The argument block: for each view its address and its dynamic sizes.
  mlir::LLVM::LLVMStructType argumentsType(plan::CallOp call);
  mlir::LLVM::LLVMFuncOp thunkOf(plan::CallOp call);

private:
  mlir::LLVM::LLVMFuncOp kernelOf(plan::CallOp call);

  mlir::ModuleOp module;
  llvm::StringMap<mlir::LLVM::LLVMFuncOp> thunks, kernels;
};

} // namespace gemmac

#endif
