//===- TensorBuffers.h - the buffers of a function's tensors --------------------------------------------===//

#ifndef GEMMAC_PASSES_TENSORBUFFERS_H
#define GEMMAC_PASSES_TENSORBUFFERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace gemmac {

/// Scales, and sums, of a block of a quantized value.
inline constexpr int64_t kScalesOfBlock = 2;

/// A tensor value as memory.
struct Buffer {
  mlir::Value data;
  mlir::Value scales, sums; ///< of a quantized value, two for each block
  mlir::Value rows;         ///< index: size of the first axis
};

/// The buffers of a function's tensors. If a kernel may work in place and its operand has no later use,
/// result and operand share a buffer.
class TensorBuffers {
public:
  /// Decides which tensors of `source` share memory.
  explicit TensorBuffers(mlir::func::FuncOp source);

  /// Sets the caller's buffer for a returned tensor. Call before the first `allocate`.
  void setReturned(mlir::Value tensor, const Buffer &buffer) {
    classBuffers[shared.getLeaderValue(tensor)] = buffer;
  }

  /// Allocates the tensor's buffer at the builder's insertion point, unless it shares an existing one.
  /// `count` is the number of tokens of the call. The operands of the tensor's defining op must have buffers.
  void allocate(mlir::Value tensor, mlir::Value count, mlir::OpBuilder &builder, mlir::Location location);
  /// Sets the buffer of an argument, or of a tensor that is a part of another.
  void set(mlir::Value tensor, const Buffer &buffer) { buffers[tensor] = buffer; }
  Buffer lookup(mlir::Value tensor) const { return buffers.lookup(tensor); }

private:
  Buffer make(mlir::Value tensor, mlir::Value count, mlir::OpBuilder &builder, mlir::Location location) const;

  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::EquivalenceClasses<mlir::Value> shared;
  llvm::DenseMap<mlir::Value, Buffer> classBuffers; ///< by leader of `shared`
};

/// Views with the axes that kernels take: (tokens, all inner axes); (tokens, heads, size); (tokens, blocks,
/// numbers of a block).
mlir::Value flat(mlir::Value buffer, mlir::OpBuilder &builder, mlir::Location location);
mlir::Value threeAxes(mlir::Value buffer, mlir::Value rows, mlir::OpBuilder &builder,
                      mlir::Location location);
mlir::Value inBlocks(mlir::Value buffer, mlir::Value rows, int64_t blocks, mlir::OpBuilder &builder,
                     mlir::Location location);

} // namespace gemmac

#endif
