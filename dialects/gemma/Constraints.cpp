//===- Constraints.cpp - checks of symbols and shapes, for verifiers ------------------------------------===//

#include "dialects/gemma/Constraints.h"

using namespace mlir;

namespace gemmac::gemma {

FailureOr<WeightOp> findWeight(Operation *op, FlatSymbolRefAttr symbol, llvm::StringRef label,
                               SymbolTableCollection &symbols) {
  if (auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(op, symbol))
    return weight;
  return op->emitOpError() << label << ": " << symbol << " names no gemma.weight";
}

FailureOr<CacheOp> findCache(Operation *op, FlatSymbolRefAttr symbol, llvm::StringRef label,
                             SymbolTableCollection &symbols) {
  if (auto cache = symbols.lookupNearestSymbolFrom<CacheOp>(op, symbol))
    return cache;
  return op->emitOpError() << label << ": " << symbol << " names no gemma.cache";
}

LogicalResult verifyVector(Operation *op, FlatSymbolRefAttr symbol, int64_t length, llvm::StringRef label,
                           SymbolTableCollection &symbols) {
  FailureOr<WeightOp> weight = findWeight(op, symbol, label, symbols);
  if (failed(weight))
    return failure();
  RankedTensorType type = weight->getTensorType();
  if (type.getRank() != 1 || type.getDimSize(0) != length)
    return op->emitOpError() << label << ": " << symbol << " has type " << type << ", but a vector of "
                             << length << " is needed";
  return success();
}

bool isInBlocks(RankedTensorType type) {
  auto blocks = dyn_cast_if_present<BlocksAttr>(type.getEncoding());
  return blocks && type.getRank() > 0 && blocks.getSize() > 0 &&
         type.getShape().back() % blocks.getSize() == 0;
}

LogicalResult verifyRows(Operation *op, RankedTensorType rows, WeightOp weight, llvm::StringRef label) {
  if (!rows.getElementType().isInteger(8))
    return success();
  if (!isInBlocks(rows))
    return op->emitOpError() << label
                             << ": int8 rows need the encoding #gemma.blocks of a size that divides the "
                             << "last axis, but have type " << rows;
  if (!isQuantized(weight.getScheme()))
    return op->emitOpError() << label << ": int8 rows multiply a quantized weight, but @"
                             << weight.getSymName() << " is " << nameOf(weight.getScheme());
  return success();
}

LogicalResult verifyResultRows(Operation *op, RankedTensorType rows, RankedTensorType result,
                               llvm::StringRef label) {
  bool quantized = result.getElementType().isInteger(8) && isInBlocks(result);
  if (result == rows || (quantized && result.getShape() == rows.getShape()))
    return success();
  return op->emitOpError() << label << ": the result has type " << result << ", but " << rows
                           << ", or int8 in its shape with the encoding #gemma.blocks of a size that divides "
                           << "the last axis, is needed";
}

bool hasShape(RankedTensorType type, llvm::ArrayRef<int64_t> sizes) {
  return type.getRank() == static_cast<int64_t>(sizes.size()) &&
         llvm::all_of(llvm::zip(type.getShape(), sizes),
                      [](auto pair) { return fits(std::get<0>(pair), std::get<1>(pair)); });
}

} // namespace gemmac::gemma
