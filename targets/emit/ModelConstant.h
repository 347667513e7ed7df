//===- ModelConstant.h - the constant gemmac_model_<name> of a driver -----------------------------------===//
// The runtime reads it: sizes, names and the table of entries of one model.

#ifndef GEMMAC_TARGETS_EMIT_MODELCONSTANT_H
#define GEMMAC_TARGETS_EMIT_MODELCONSTANT_H

#include "dialects/plan/Entries.h"
#include "dialects/plan/Rings.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "targets/emit/ContractStructs.h"
#include "targets/emit/Emit.h"

namespace gemmac {

/// The LLVM type of a struct of model.h.
mlir::LLVM::LLVMStructType structType(mlir::MLIRContext *context, llvm::ArrayRef<ContractField> fields);

/// Defines gemmac_model_<name> with its table of entries, and gemmac_program_model, the program's pointer to
/// it. The module must contain each entry's function under the entry's name.
void defineModel(mlir::ModuleOp module, const Target &target, const EmitOptions &options,
                 llvm::ArrayRef<plan::Entry> entries, const plan::Rings &rings, uint32_t callCount);

} // namespace gemmac

#endif
