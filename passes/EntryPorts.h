//===- EntryPorts.h - arguments and results of an entry, as arrays of the caller ------------------------===//
// The caller owns the memory of every port.

#ifndef GEMMAC_PASSES_ENTRYPORTS_H
#define GEMMAC_PASSES_ENTRYPORTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace gemmac {

/// The entry made from a function of tensors, and the entry's argument for each of its tensors.
struct EntryPorts {
  mlir::func::FuncOp entry; ///< with all its arguments and attributes, and an empty body
  llvm::SmallVector<std::pair<mlir::Value, mlir::BlockArgument>> inputs, outputs;
};

/// Inserts the entry, under its own name, before the function. Fails with a diagnostic if an argument or a
/// result cannot be an array of the caller.
mlir::FailureOr<EntryPorts> makeEntry(mlir::func::FuncOp source);

} // namespace gemmac

#endif
