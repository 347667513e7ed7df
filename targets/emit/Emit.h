//===- Emit.h - from a plan to the driver's object file -------------------------------------------------===//

#ifndef GEMMAC_TARGETS_EMIT_EMIT_H
#define GEMMAC_TARGETS_EMIT_EMIT_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/Devices.h"
#include "targets/kernels/Kernel.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemmac {

/// Facts about the model that the plan does not contain.
struct EmitOptions {
  std::string name; ///< a C identifier: the driver defines `gemmac_model_<name>`
  uint32_t vocabSize = 0;
  uint64_t fingerprint = 0; ///< ties the code to its package
};

/// Turns the plan, in place, into the LLVM dialect: one function per entry or procedure, one thunk per
/// kernel and shape of arguments, and the constant `gemmac_model_<name>` (runtime/include/gemmac/model.h).
mlir::LogicalResult lowerPlanToLLVM(mlir::ModuleOp plan, const Target &target, const EmitOptions &options);

/// LLVM IR as text. `lowered` is a module after lowerPlanToLLVM.
llvm::Expected<std::string> emitLLVM(mlir::ModuleOp lowered, const Target &target);

/// The bytes of an object file. `lowered` is a module after lowerPlanToLLVM.
llvm::Expected<std::string> emitObject(mlir::ModuleOp lowered, const Target &target);

} // namespace gemmac

#endif
