//===- Constraints.h - what verifiers ask of symbols and shapes -----------------------------------------===//
// Every message starts with the label of the constraint in the .td file, and says what is there and what
// would fit.

#ifndef GEMMAC_DIALECTS_GEMMA_CONSTRAINTS_H
#define GEMMAC_DIALECTS_GEMMA_CONSTRAINTS_H

#include "dialects/gemma/Gemma.h"

namespace gemmac::gemma {

/// The weight, or an error under the label.
mlir::FailureOr<WeightOp> findWeight(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol,
                                     llvm::StringRef label, mlir::SymbolTableCollection &symbols);
mlir::FailureOr<CacheOp> findCache(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol, llvm::StringRef label,
                                   mlir::SymbolTableCollection &symbols);

/// The weight exists and is a vector of so many numbers.
mlir::LogicalResult verifyVector(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol, int64_t length,
                                 llvm::StringRef label, mlir::SymbolTableCollection &symbols);

/// Float rows fit every weight; int8 rows come in blocks and need a quantized weight.
mlir::LogicalResult verifyRows(mlir::Operation *op, mlir::RankedTensorType rows, WeightOp weight,
                               llvm::StringRef label);

/// The result has the type of the float rows, or int8 in their shape, in blocks.
mlir::LogicalResult verifyResultRows(mlir::Operation *op, mlir::RankedTensorType rows,
                                     mlir::RankedTensorType result, llvm::StringRef label);

/// The int8 tensor says in its encoding that blocks of its last axis share a scale.
bool isInBlocks(mlir::RankedTensorType type);

/// Sizes agree where both are constant.
inline bool fits(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b);
}

/// The type has one axis for each size, and they fit; a dynamic size fits all.
bool hasShape(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> sizes);

} // namespace gemmac::gemma

#endif
