//===- LinearOps.cpp - verifiers of tables, matrices and their inputs -----------------------------------===//

#include "dialects/gemma/Constraints.h"
#include "dialects/gemma/Shapes.h"

using namespace mlir;

namespace gemmac::gemma {

/// Are `count` rows or columns, starting at `offset`, within `size`?
static bool inside(int64_t offset, std::optional<int64_t> count, int64_t size) {
  return count && offset >= 0 && *count <= size && offset <= size - *count;
}

LogicalResult EmbedOp::verify() {
  if (getIds().getType().getRank() != 1)
    return emitOpError("embed-c1: ids have type ")
           << getIds().getType() << ", but one axis, the tokens, is needed";
  return success();
}

LogicalResult EmbedOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<WeightOp> table = findWeight(*this, getTableAttr(), "embed-c2", symbols);
  if (failed(table))
    return failure();
  RankedTensorType type = table->getTensorType();
  if (type.getRank() != 2)
    return emitOpError("embed-c2: ") << getTableAttr() << " has type " << type
                                     << ", but a table has two axes";
  if (getType().getRank() < 2 || !inside(getOffset(), numbersFromAxis(getType(), 1), type.getDimSize(1)))
    return emitOpError("embed-c3: the inner axes of ")
           << getType() << " from column " << static_cast<int64_t>(getOffset()) << " do not fit the "
           << type.getDimSize(1) << " columns of " << getTableAttr();
  return success();
}

LogicalResult LinearOp::verify() {
  if (getCap() && !(getCap()->convertToFloat() > 0))
    return emitOpError("linear-c5: cap is ") << getCap()->convertToFloat() << ", but must be positive";
  return success();
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<WeightOp> weight = findWeight(*this, getWeightAttr(), "linear-c1", symbols);
  if (failed(weight))
    return failure();
  RankedTensorType type = weight->getTensorType(), x = getX().getType();
  if (type.getRank() != 2)
    return emitOpError("linear-c1: ")
           << getWeightAttr() << " has type " << type << ", but a matrix has two axes";
  if (x.getRank() < 2 || numbersFromAxis(x, 1) != type.getDimSize(1))
    return emitOpError("linear-c2: the inner axes of ")
           << x << " do not make the " << type.getDimSize(1) << " columns of " << getWeightAttr();
  if (getType().getRank() < 2 || !inside(getOffset(), numbersFromAxis(getType(), 1), type.getDimSize(0)))
    return emitOpError("linear-c3: the inner axes of ")
           << getType() << " from row " << static_cast<int64_t>(getOffset()) << " do not fit the "
           << type.getDimSize(0) << " rows of " << getWeightAttr();
  return verifyRows(*this, x, *weight, "linear-c4");
}

LogicalResult QuantizeOp::verify() {
  RankedTensorType result = getType();
  if (result.getShape() != getX().getType().getShape() || !result.getElementType().isInteger(8) ||
      !isInBlocks(result))
    return emitOpError("quantize-c1: the result has type ")
           << result << ", but int8 in the shape of " << getX().getType()
           << ", with the encoding #gemma.blocks of a size that divides the last axis, is needed";
  return success();
}

} // namespace gemmac::gemma
