//===- ModelConstant.h - the constant that a driver offers to the runtime
//---------------------------------===//

#ifndef GEMMAC_TARGETS_EMIT_MODELCONSTANT_H
#define GEMMAC_TARGETS_EMIT_MODELCONSTANT_H

#include "dialects/plan/Entries.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "targets/emit/ContractStructs.h"
#include "targets/emit/Emit.h"

namespace gemmac {

/// What LLVM knows a struct of model.h as.
mlir::LLVM::LLVMStructType structType(mlir::MLIRContext *context, llvm::ArrayRef<ContractField> fields);

/// Defines gemmac_model_<name>, with its table of entries, and the program's pointer to it. The functions of
/// the entries are in the module under the names of the entries.
void defineModel(mlir::ModuleOp module, const Target &target, const EmitOptions &options,
                 llvm::ArrayRef<plan::Entry> entries, uint32_t callCount);

} // namespace gemmac

#endif
