//===- MemoryPlaces.h - the memory, offset and strides of memrefs ---------------------------------------===//
// Chains of views are folded to a base, a byte offset, sizes and strides.

#ifndef GEMMAC_PASSES_MEMORYPLACES_H
#define GEMMAC_PASSES_MEMORYPLACES_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace gemmac {

/// A byte offset: a constant part, and a part that is known only at run time.
struct Bytes {
  int64_t known = 0;
  mlir::Value beyond; ///< index, or null
};

/// The memory, offset, sizes and strides of a memref; strides are constants, in elements.
struct Place {
  plan::Memory memory = plan::Memory::arena;
  mlir::IntegerAttr port; ///< the input's or output's index; null for other memories
  Bytes offset;
  llvm::SmallVector<mlir::OpFoldResult> sizes;
  llvm::SmallVector<int64_t> strides;

  /// Is this the same array, except for the offset?
  bool agreesWith(const Place &other) const {
    return memory == other.memory && port == other.port && strides == other.strides;
  }
};

/// The strides, in elements, of a dense array in C order.
llvm::SmallVector<int64_t> denseStrides(llvm::ArrayRef<int64_t> shape);

/// Traces the memrefs of one function back to the memory that contains them.
class MemoryPlaces {
public:
  /// `arguments` has the place of each argument that is a memref.
  MemoryPlaces(mlir::func::FuncOp function, llvm::ArrayRef<std::optional<Place>> arguments);

  /// Fails with a diagnostic if the memref's memory or strides are not known.
  mlir::FailureOr<Place> of(mlir::Value memref);

private:
  mlir::FailureOr<Place> make(mlir::Value memref);
  mlir::FailureOr<Place> subview(mlir::memref::SubViewOp op);
  mlir::FailureOr<Place> expand(mlir::memref::ExpandShapeOp op);
  mlir::FailureOr<Place> collapse(mlir::memref::CollapseShapeOp op);
  Place ofPlane(mlir::Operation *symbol, mlir::MemRefType type, Bytes offset);

  /// Computes offset + index * bytes at the builder's insertion point.
  Bytes add(Bytes offset, mlir::OpFoldResult index, int64_t bytes, mlir::Location location);
  mlir::Operation *lookup(mlir::FlatSymbolRefAttr name) { return symbols.lookup(name.getAttr()); }

  mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Value, Place> places;
};

} // namespace gemmac

#endif
