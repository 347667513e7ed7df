//===- Constraints.h - checks of symbols and shapes, for verifiers --------------------------------------===//
// Every message starts with the label of the constraint in the .td file, then says what is wrong and what
// would be valid.

#ifndef GEMMAC_DIALECTS_GEMMA_CONSTRAINTS_H
#define GEMMAC_DIALECTS_GEMMA_CONSTRAINTS_H

#include "dialects/gemma/Gemma.h"

namespace gemmac::gemma {

/// The weight, or an error that starts with the label.
mlir::FailureOr<WeightOp> findWeight(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol,
                                     llvm::StringRef label, mlir::SymbolTableCollection &symbols);
mlir::FailureOr<CacheOp> findCache(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol, llvm::StringRef label,
                                   mlir::SymbolTableCollection &symbols);

/// Checks that the weight exists and is a vector of `length` numbers.
mlir::LogicalResult verifyVector(mlir::Operation *op, mlir::FlatSymbolRefAttr symbol, int64_t length,
                                 llvm::StringRef label, mlir::SymbolTableCollection &symbols);

/// Checks that rows fit the weight: float rows fit all, int8 rows need blocks and a quantized weight.
mlir::LogicalResult verifyRows(mlir::Operation *op, mlir::RankedTensorType rows, WeightOp weight,
                               llvm::StringRef label);

/// Checks that the result has the type of the float rows, or is int8 in blocks with their shape.
mlir::LogicalResult verifyResultRows(mlir::Operation *op, mlir::RankedTensorType rows,
                                     mlir::RankedTensorType result, llvm::StringRef label);

/// Does the tensor's encoding say that whole blocks of its last axis share a scale?
bool isInBlocks(mlir::RankedTensorType type);

/// Are the sizes equal, or is one of them dynamic?
inline bool fits(int64_t a, int64_t b) {
  return a == b || mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b);
}

/// Does the type have one axis per size, of that size? A dynamic size matches any.
bool hasShape(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> sizes);

} // namespace gemmac::gemma

#endif
