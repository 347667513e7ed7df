//===- TensorBuffers.h - where the tensors of a function are in memory ----------------------------------===//

#ifndef GEMMAC_PASSES_TENSORBUFFERS_H
#define GEMMAC_PASSES_TENSORBUFFERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace gemmac {

/// A tensor value as memory.
struct Buffer {
  mlir::Value data;
  mlir::Value scales, sums; ///< of a quantized value
  mlir::Value rows;         ///< index: size of the first axis
};

/// The buffers of a function's tensors. Where a kernel may work in place and its operand is not needed any
/// more, result and operand are one.
class TensorBuffers {
public:
  /// Decides which tensors of `source` share memory.
  explicit TensorBuffers(mlir::func::FuncOp source);

  /// What the function returns stands where the caller wants it. Before the first `allocate`.
  void setReturned(mlir::Value tensor, const Buffer &buffer) {
    classBuffers[shared.getLeaderValue(tensor)] = buffer;
  }

  /// The tensor's buffer, made where the builder stands if no other tensor has it already. `count` is the
  /// tokens of the call. Buffers of the operands of the op that makes the tensor are known.
  void allocate(mlir::Value tensor, mlir::Value count, mlir::OpBuilder &builder, mlir::Location location);
  /// A tensor that is a part of another, or an argument.
  void set(mlir::Value tensor, const Buffer &buffer) { buffers[tensor] = buffer; }
  Buffer lookup(mlir::Value tensor) const { return buffers.lookup(tensor); }

private:
  Buffer make(mlir::Value tensor, mlir::Value count, mlir::OpBuilder &builder, mlir::Location location) const;

  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::EquivalenceClasses<mlir::Value> shared;
  llvm::DenseMap<mlir::Value, Buffer> classBuffers; ///< by leader of `shared`
};

/// The same memory with other axes, as kernels want it: all inner axes in one; (tokens, heads, size);
/// (tokens, blocks, numbers of a block).
mlir::Value flat(mlir::Value buffer, mlir::OpBuilder &builder, mlir::Location location);
mlir::Value threeAxes(mlir::Value buffer, mlir::Value rows, mlir::OpBuilder &builder,
                      mlir::Location location);
mlir::Value inBlocks(mlir::Value buffer, mlir::Value rows, int64_t blocks, mlir::OpBuilder &builder,
                     mlir::Location location);

} // namespace gemmac

#endif
