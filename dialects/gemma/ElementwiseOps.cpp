//===- ElementwiseOps.cpp - verifiers of norms, activations and slices ----------------------------------===//

#include "dialects/gemma/Constraints.h"

using namespace mlir;

namespace gemmac::gemma {

static int64_t lastAxis(RankedTensorType type) {
  return type.getRank() > 0 ? type.getShape().back() : 0;
}

LogicalResult RmsNormOp::verify() {
  if (!(getEps().convertToFloat() > 0))
    return emitOpError("rms-norm-c2: eps is ") << getEps().convertToFloat() << ", but must be positive";
  return verifyResultRows(*this, getX().getType(), getType(), "rms-norm-c3");
}

LogicalResult RmsNormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getWeightAttr())
    return success();
  return verifyVector(*this, getWeightAttr(), lastAxis(getType()), "rms-norm-c1", symbols);
}

LogicalResult AddNormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(verifyVector(*this, getWeightAttr(), lastAxis(getType()), "add-norm-c1", symbols)))
    return failure();
  return getScalarAttr() ? verifyVector(*this, getScalarAttr(), 1, "add-norm-c2", symbols) : success();
}

LogicalResult GeluMulOp::verify() {
  return verifyResultRows(*this, getGate().getType(), getType(), "gelu-mul-c1");
}

LogicalResult ScaleOp::verify() {
  if (getBy().has_value() == getScalar().has_value())
    return emitOpError("scale-c1: one of `by` and `scalar` is needed, not ")
           << (getBy() ? "both" : "neither");
  return success();
}

LogicalResult ScaleOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return getScalarAttr() ? verifyVector(*this, getScalarAttr(), 1, "scale-c2", symbols) : success();
}

LogicalResult SoftcapOp::verify() {
  if (!(getCap().convertToFloat() > 0))
    return emitOpError("softcap-c1: cap is ") << getCap().convertToFloat() << ", but must be positive";
  return success();
}

LogicalResult SliceOp::verify() {
  RankedTensorType x = getX().getType(), result = getType();
  int64_t axis = getAxis(), offset = getOffset();
  if (axis < 1 || axis >= x.getRank())
    return emitOpError("slice-c1: axis ") << axis << " is no inner axis of " << x;
  bool sameRank = result.getRank() == x.getRank() - (getDrop() ? 1 : 0);
  int64_t count = getDrop() ? 1 : sameRank ? result.getDimSize(axis) : 0;
  llvm::SmallVector<int64_t> expected(x.getShape());
  if (getDrop())
    expected.erase(expected.begin() + axis);
  else
    expected[axis] = count;
  if (!sameRank || result.getShape() != llvm::ArrayRef<int64_t>(expected))
    return emitOpError("slice-c2: ") << result << " is not " << x << " with another size of axis " << axis
                                     << (getDrop() ? ", dropped" : "");
  int64_t size = x.getDimSize(axis);
  if (ShapedType::isDynamic(size) || count < 1 || offset < 0 || count > size || offset > size - count)
    return emitOpError("slice-c3: ") << count << " indices from " << offset << " on do not lie in axis "
                                     << axis << " of " << x;
  return success();
}

} // namespace gemmac::gemma
