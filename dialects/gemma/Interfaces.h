//===- Interfaces.h - what passes ask of an op, whatever it is ------------------------------------------===//

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
  table,       ///< takes rows of it, by id
  matrix,      ///< multiplies rows with it
  vector,      ///< takes it as factors, one for each number or one for all
  cache,       ///< reads keys and values
  writtenCache ///< stores keys and values: its kernel's outputs
};

struct Storage {
  mlir::FlatSymbolRefAttr symbol;
  StorageRole role;
  /// Of a matrix: the rows that it multiplies; null where the op computes them itself.
  mlir::Value rows = {};
};

/// The axes of a kernel's arguments.
enum class KernelAxes {
  asTheyAre,
  flat, ///< (tokens, numbers): all inner axes are one
  rows  ///< (tokens, heads, size), and (tokens, blocks, numbers of a block) of a quantized result
};

/// Parts of a result that do not depend on each other.
enum class Parts {
  none,
  tokens,
  numbers, ///< of the same place in every operand
  outputs  ///< the rows of a matrix, along the result's last axis as the kernel sees it
};

/// As many rows as `like` has, `times` over.
struct RowCount {
  mlir::Value like;
  int64_t times = 1;
};

} // namespace gemmac::gemma

#include "dialects/gemma/GemmaInterfaces.h.inc"

namespace gemmac::gemma {

/// What the op names; nothing where it is no StorageUser.
llvm::SmallVector<Storage> storageOf(mlir::Operation *op);

/// Sums and products of two tensors are ops of arith: gives them their kernels.
void giveKernelsToArith(mlir::MLIRContext &context);

} // namespace gemmac::gemma

#endif
