//===- ExpertOps.cpp - verifiers of the mixture of experts ----------------------------------------------===//
// n tokens, E experts of which each token uses K, hidden size H, expert width F.

#include "dialects/gemma/Constraints.h"

using namespace mlir;

namespace gemmac::gemma {

static constexpr int64_t kAny = ShapedType::kDynamic;

static bool isMatrix(RankedTensorType type) {
  return type.getRank() == 2 && !type.isDynamicDim(1);
}

/// n*K if n is constant.
static int64_t pairs(int64_t tokens, int64_t choices) {
  return ShapedType::isDynamic(tokens) ? kAny : tokens * choices;
}

LogicalResult TopKOp::verify() {
  RankedTensorType p = getProbabilities().getType(), weights = getWeights().getType();
  if (!isMatrix(p) || !isMatrix(weights) || getIds().getType().getShape() != weights.getShape() ||
      !fits(p.getDimSize(0), weights.getDimSize(0)) || weights.getDimSize(1) < 1 ||
      weights.getDimSize(1) > p.getDimSize(1))
    return emitOpError("top-k-c1: weights ")
           << weights << " and ids " << getIds().getType() << " are no choice from probabilities " << p;
  return success();
}

LogicalResult TopKOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyVector(*this, getExpertScaleAttr(), getProbabilities().getType().getShape().back(), "top-k-c2",
                      symbols);
}

LogicalResult ExpertsOp::verify() {
  RankedTensorType x = getX().getType(), ids = getIds().getType(), weights = getWeights().getType();
  if (!isMatrix(x) || !isMatrix(ids) || ids.getShape() != weights.getShape() ||
      !fits(x.getDimSize(0), ids.getDimSize(0)))
    return emitOpError("experts-c1: x ")
           << x << ", ids " << ids << " and weights " << weights << " are not (n, H), (n, K) and (n, K)";
  return success();
}

LogicalResult ExpertsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<WeightOp> gateUp = findWeight(*this, getGateUpAttr(), "experts-c1", symbols),
                      down = findWeight(*this, getDownAttr(), "experts-c1", symbols);
  if (failed(gateUp) || failed(down))
    return failure();
  RankedTensorType first = gateUp->getTensorType(), second = down->getTensorType();
  int64_t hidden = getX().getType().getDimSize(1);
  if (first.getRank() != 3 || second.getRank() != 3 || first.getDimSize(0) != second.getDimSize(0) ||
      first.getDimSize(1) != 2 * second.getDimSize(2) || first.getDimSize(2) != hidden ||
      second.getDimSize(1) != hidden)
    return emitOpError("experts-c1: ")
           << getGateUpAttr() << " " << first << " and " << getDownAttr() << " " << second
           << " are not (E, 2F, " << hidden << ") and (E, " << hidden << ", F)";
  return success();
}

LogicalResult ExpertLinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<WeightOp> weight = findWeight(*this, getWeightAttr(), "expert-linear-c1", symbols);
  if (failed(weight))
    return failure();
  RankedTensorType type = weight->getTensorType(), x = getX().getType(), ids = getIds().getType();
  if (type.getRank() != 3 || !isMatrix(ids))
    return emitOpError("expert-linear-c1: ")
           << getWeightAttr() << " " << type << " and ids " << ids << " are not (E, out, in) and (n, K)";
  int64_t tokens = ids.getDimSize(0), choices = ids.getDimSize(1), out = type.getDimSize(1),
          in = type.getDimSize(2);
  bool shared = x.getRank() == 2 && hasShape(x, {tokens, in});
  if ((!shared && !hasShape(x, {tokens, choices, in})) || x.getShape().back() != in)
    return emitOpError("expert-linear-c1: x has type ")
           << x << ", but rows of " << in << " are needed, one for a token "
           << "or one for each of its " << choices << " experts";
  if (getType().getShape() != llvm::ArrayRef<int64_t>({getType().getDimSize(0), choices, out}) ||
      !fits(getType().getDimSize(0), tokens))
    return emitOpError("expert-linear-c1: the result has type ")
           << getType() << ", but (n, " << choices << ", " << out << ") is needed";
  return verifyRows(*this, x, *weight, "expert-linear-c2");
}

LogicalResult CombineOp::verify() {
  RankedTensorType x = getX().getType(), weights = getWeights().getType(), result = getType();
  if (!isMatrix(weights) || !isMatrix(result) ||
      !hasShape(x, {weights.getDimSize(0), weights.getDimSize(1), result.getDimSize(1)}) ||
      x.getNumDynamicDims() > 1 || !fits(weights.getDimSize(0), result.getDimSize(0)))
    return emitOpError("combine-c1: x ") << x << ", weights " << weights << " and result " << result
                                         << " are not (n, K, H), (n, K) and (n, H)";
  return success();
}

LogicalResult GroupByExpertOp::verify() {
  RankedTensorType ids = getIds().getType(), order = getOrder().getType(), offsets = getOffsets().getType();
  if (!isMatrix(ids) || getPlace().getType().getShape() != ids.getShape() ||
      !hasShape(order, {pairs(ids.getDimSize(0), ids.getDimSize(1))}) || offsets.getRank() != 1 ||
      offsets.isDynamicDim(0) || offsets.getDimSize(0) < 2)
    return emitOpError("group-by-expert-c1: ids ")
           << ids << ", order " << order << ", place " << getPlace().getType() << " and offsets " << offsets
           << " are not (n, K), (n*K), (n, K) and (E + 1)";
  return success();
}

LogicalResult GatherTokensOp::verify() {
  RankedTensorType x = getX().getType(), order = getOrder().getType(), result = getType();
  int64_t choices = getChoices();
  if (choices < 1 || !isMatrix(x) || !isMatrix(result) || order.getRank() != 1 ||
      result.getDimSize(1) != x.getDimSize(1) || !fits(result.getDimSize(0), order.getDimSize(0)) ||
      !fits(order.getDimSize(0), pairs(x.getDimSize(0), choices)))
    return emitOpError("gather-tokens-c1: x ") << x << ", order " << order << " and result " << result
                                               << " are not (n, H), (n*K) and (n*K, H) for K = " << choices;
  if (x.getElementType() != result.getElementType() || x.getEncoding() != result.getEncoding())
    return emitOpError("gather-tokens-c2: result ")
           << result << " does not hold numbers as x " << x << " does";
  return success();
}

LogicalResult GroupedLinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<WeightOp> weight = findWeight(*this, getWeightAttr(), "grouped-linear-c1", symbols);
  if (failed(weight))
    return failure();
  RankedTensorType type = weight->getTensorType(), x = getX().getType(), result = getType(),
                   offsets = getOffsets().getType();
  if (type.getRank() != 3 || !isMatrix(x) || !isMatrix(result) || x.getDimSize(1) != type.getDimSize(2) ||
      result.getDimSize(1) != type.getDimSize(1) || !fits(x.getDimSize(0), result.getDimSize(0)) ||
      offsets.getShape() != llvm::ArrayRef<int64_t>({type.getDimSize(0) + 1}))
    return emitOpError("grouped-linear-c1: ")
           << getWeightAttr() << " " << type << ", x " << x << ", offsets " << offsets << " and result "
           << result << " are not (E, out, in), (n*K, in), (E + 1) and (n*K, out)";
  return verifyRows(*this, x, *weight, "grouped-linear-c2");
}

LogicalResult CombineGroupsOp::verify() {
  RankedTensorType x = getX().getType(), place = getPlace().getType(), weights = getWeights().getType(),
                   result = getType();
  if (!isMatrix(x) || !isMatrix(place) || place.getShape() != weights.getShape() || !isMatrix(result) ||
      result.getDimSize(1) != x.getDimSize(1) || !fits(result.getDimSize(0), place.getDimSize(0)) ||
      !fits(x.getDimSize(0), pairs(place.getDimSize(0), place.getDimSize(1))))
    return emitOpError("combine-groups-c1: x ")
           << x << ", place " << place << ", weights " << weights << " and result " << result
           << " are not (n*K, H), (n, K), (n, K) and (n, H)";
  return success();
}

} // namespace gemmac::gemma
