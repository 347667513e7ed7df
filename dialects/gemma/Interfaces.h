//===- Interfaces.h - properties of ops that passes query -----------------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_INTERFACES_H
#define GEMMAC_DIALECTS_GEMMA_INTERFACES_H

#include "contract/KernelSpec.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"

namespace gemmac::gemma {

/// What an op does with a symbol that it names.
enum class StorageRole {
  table,       ///< gathers its rows by id
  matrix,      ///< multiplies rows with it
  vector,      ///< multiplies with it, one factor per number or one for all
  cache,       ///< reads keys and values
  writtenCache ///< writes keys and values: an output of the kernel
};

struct Storage {
  mlir::FlatSymbolRefAttr symbol;
  StorageRole role;
  /// For a matrix: the rows that it multiplies; null if the op computes them itself.
  mlir::Value rows = {};
};

/// How a kernel sees the axes of its arguments.
enum class KernelAxes {
  asTheyAre,
  flat, ///< (tokens, numbers): all inner axes are one
  rows  ///< (tokens, heads, size), or (tokens, blocks, numbers of a block) for a quantized result
};

/// Parts of a result that can be computed independently.
enum class Parts {
  none,
  tokens,
  numbers, ///< each needs only the same index of every operand
  outputs  ///< the rows of a matrix, along the result's last axis as the kernel sees it
};

/// `times` as many rows as `like` has.
struct RowCount {
  mlir::Value like;
  int64_t times = 1;
};

} // namespace gemmac::gemma

#include "dialects/gemma/GemmaInterfaces.h.inc"

namespace gemmac::gemma {

/// The weights and caches that the op names; empty if it is no StorageUser.
llvm::SmallVector<Storage> storageOf(mlir::Operation *op);

/// Attaches kernels to arith.addf and arith.mulf, the sums and products of two tensors.
void giveKernelsToArith(mlir::MLIRContext &context);

} // namespace gemmac::gemma

#endif
