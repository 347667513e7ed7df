//===- MemoryPlaces.h - where memrefs lie
//-----------------------------------------------------------------===//

#ifndef GEMMAC_PASSES_MEMORYPLACES_H
#define GEMMAC_PASSES_MEMORYPLACES_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace gemmac {

/// A number that is known, and what is added to it when the plan runs.
struct Bytes {
  int64_t known = 0;
  mlir::Value beyond; ///< index, or null
};

/// Where a memref lies: strides, in elements, are constants.
struct Place {
  plan::Memory memory = plan::Memory::arena;
  mlir::IntegerAttr port; ///< of inputs and outputs: which one
  Bytes offset;
  llvm::SmallVector<mlir::OpFoldResult> sizes;
  llvm::SmallVector<int64_t> strides;

  /// Of the same array but for its offset.
  bool agreesWith(const Place &other) const {
    return memory == other.memory && port == other.port && strides == other.strides;
  }
};

/// In elements, of a dense array in C order.
llvm::SmallVector<int64_t> denseStrides(llvm::ArrayRef<int64_t> shape);

/// Traces the memrefs of one function back to the memory that they lie in.
class MemoryPlaces {
public:
  /// Of the arguments that are memrefs the places are known.
  MemoryPlaces(mlir::func::FuncOp function, llvm::ArrayRef<std::optional<Place>> arguments);

  /// Fails with a diagnostic where a memref's memory or strides are not known.
  mlir::FailureOr<Place> of(mlir::Value memref);

private:
  mlir::FailureOr<Place> make(mlir::Value memref);
  mlir::FailureOr<Place> subview(mlir::memref::SubViewOp op);
  mlir::FailureOr<Place> expand(mlir::memref::ExpandShapeOp op);
  mlir::FailureOr<Place> collapse(mlir::memref::CollapseShapeOp op);
  Place ofPlane(mlir::Operation *symbol, mlir::MemRefType type, Bytes offset);

  /// `offset` and `index` times `bytes`, where the builder stands.
  Bytes add(Bytes offset, mlir::OpFoldResult index, int64_t bytes, mlir::Location location);
  mlir::Operation *lookup(mlir::FlatSymbolRefAttr name) { return symbols.lookup(name.getAttr()); }

  mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Value, Place> places;
};

} // namespace gemmac

#endif
