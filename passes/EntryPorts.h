//===- EntryPorts.h - what a function's callers hand in, as memory
//----------------------------------------===//

#ifndef GEMMAC_PASSES_ENTRYPORTS_H
#define GEMMAC_PASSES_ENTRYPORTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace gemmac {

/// The entry that a function of tensors becomes, and which of its arguments stand for which tensors.
struct EntryPorts {
  mlir::func::FuncOp entry; ///< with all its arguments and attributes, and an empty body
  llvm::SmallVector<std::pair<mlir::Value, mlir::BlockArgument>> inputs, outputs;
};

/// Puts the entry, under a name of its own, before the function. Fails with a diagnostic where an argument or
/// a result is nothing that a caller can have.
mlir::FailureOr<EntryPorts> makeEntry(mlir::func::FuncOp source);

} // namespace gemmac

#endif
