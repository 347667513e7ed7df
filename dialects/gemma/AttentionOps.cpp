//===- AttentionOps.cpp - verifiers of rotation, attention and caches -----------------------------------===//

#include "dialects/gemma/Constraints.h"

using namespace mlir;

namespace gemmac::gemma {

/// (tokens, heads, dim) with constant heads and dim.
static bool isHeads(RankedTensorType type) {
  return type.getRank() == 3 && !type.isDynamicDim(1) && !type.isDynamicDim(2) && type.getDimSize(1) > 0 &&
         type.getDimSize(2) > 0;
}

/// Each key head serves the same number of query heads, and dims agree.
static bool canRead(RankedTensorType query, int64_t heads, int64_t dim) {
  return isHeads(query) && heads > 0 && query.getDimSize(1) % heads == 0 && query.getDimSize(2) == dim;
}

static bool isPositive(std::optional<uint64_t> window) {
  return !window || static_cast<int64_t>(*window) > 0;
}

LogicalResult RopeOp::verify() {
  RankedTensorType type = getType();
  if (!isHeads(type) || type.getDimSize(2) % 2 != 0)
    return emitOpError("rope-c1: has type ") << type << ", but (tokens, heads, an even dim) is needed";
  int64_t pairs = getPairs();
  if (pairs < 0 || pairs > type.getDimSize(2) / 2)
    return emitOpError("rope-c2: ") << pairs << " pairs are not among the " << type.getDimSize(2) / 2
                                    << " of a head";
  if (!(getTheta().convertToDouble() > 0) || !(getFactor().convertToDouble() > 0))
    return emitOpError("rope-c3: theta and factor must be positive, but are ")
           << getTheta().convertToDouble() << " and " << getFactor().convertToDouble();
  return success();
}

LogicalResult ScoresOp::verify() {
  RankedTensorType query = getQuery().getType(), keys = getKeys().getType(), result = getType();
  if (!isHeads(keys) || !canRead(query, keys.getDimSize(1), keys.getDimSize(2)))
    return emitOpError("scores-c1: query ") << query << " cannot share keys " << keys;
  if (!hasShape(result, {query.getDimSize(0), query.getDimSize(1), keys.getDimSize(0)}))
    return emitOpError("scores-c1: the result has type ")
           << result << ", but (tokens, heads, tokens) is needed";
  return success();
}

LogicalResult MaskOp::verify() {
  if (getType().getRank() != 3)
    return emitOpError("mask-c1: has type ") << getType() << ", but (tokens, heads, tokens) is needed";
  if (!isPositive(getWindow()))
    return emitOpError("mask-c2: the window is ")
           << static_cast<int64_t>(*getWindow()) << ", but must be positive";
  return success();
}

LogicalResult MixOp::verify() {
  RankedTensorType probabilities = getProbabilities().getType(), values = getValues().getType();
  if (probabilities.getRank() != 3 || !isHeads(values) || probabilities.isDynamicDim(1) ||
      probabilities.getDimSize(1) % values.getDimSize(1) != 0 ||
      !fits(probabilities.getDimSize(2), values.getDimSize(0)))
    return emitOpError("mix-c1: probabilities ") << probabilities << " cannot share values " << values;
  if (!isHeads(getType()) ||
      !hasShape(getType(), {probabilities.getDimSize(0), probabilities.getDimSize(1), values.getDimSize(2)}))
    return emitOpError("mix-c1: the result has type ") << getType() << ", but (tokens, heads, dim) is needed";
  return success();
}

LogicalResult AttentionOp::verify() {
  RankedTensorType query = getQuery().getType(), keys = getKeys().getType();
  if (!isHeads(keys) || !canRead(query, keys.getDimSize(1), keys.getDimSize(2)))
    return emitOpError("attention-c1: query ") << query << " cannot share keys " << keys;
  if (!isPositive(getWindow()))
    return emitOpError("attention-c2: the window is ")
           << static_cast<int64_t>(*getWindow()) << ", but must be positive";
  return success();
}

LogicalResult CacheWriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<CacheOp> cache = findCache(*this, getCacheAttr(), "cache-write-c1", symbols);
  if (failed(cache))
    return failure();
  RankedTensorType keys = getKeys().getType(), type = cache->getTensorType();
  if (!isHeads(keys) || keys.getShape().drop_front() != type.getShape().drop_front())
    return emitOpError("cache-write-c1: keys ")
           << keys << " do not fit the heads and dim of " << getCacheAttr() << ", " << type;
  return success();
}

LogicalResult CachedAttentionOp::verify() {
  if (!isPositive(getWindow()))
    return emitOpError("cached-attention-c2: the window is ")
           << static_cast<int64_t>(*getWindow()) << ", but must be positive";
  return success();
}

LogicalResult CachedAttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FailureOr<CacheOp> cache = findCache(*this, getCacheAttr(), "cached-attention-c1", symbols);
  if (failed(cache))
    return failure();
  RankedTensorType type = cache->getTensorType();
  if (!canRead(getQuery().getType(), type.getDimSize(1), type.getDimSize(2)))
    return emitOpError("cached-attention-c1: query ")
           << getQuery().getType() << " cannot share " << getCacheAttr() << ", " << type;
  if (getWindow() && static_cast<int64_t>(*getWindow()) > type.getDimSize(0))
    return emitOpError("cached-attention-c2: a window of ")
           << *getWindow() << " needs as many slots, but " << getCacheAttr() << " has " << type.getDimSize(0);
  if (getKeyWeight().has_value() != cache->getPairs().has_value())
    return emitOpError("cached-attention-c3: ")
           << getCacheAttr() << (cache->getPairs() ? " keeps" : " does not keep")
           << " pairs of keys, which is what key_weight is for";
  if (!getKeyWeightAttr())
    return success();
  return verifyVector(*this, getKeyWeightAttr(), type.getDimSize(2), "cached-attention-c3", symbols);
}

void CacheWriteOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), CacheResource::get());
}

void CachedAttentionOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), CacheResource::get());
}

} // namespace gemmac::gemma
