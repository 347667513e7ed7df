//===- ModelOps.cpp - what must hold for weights and caches ---------------------------------------------===//

#include "dialects/gemma/Gemma.h"

using namespace mlir;

namespace gemmac::gemma {

static bool allPositive(RankedTensorType type) {
  return type.hasStaticShape() && llvm::all_of(type.getShape(), [](int64_t size) { return size > 0; });
}

LogicalResult WeightOp::verify() {
  if (getSources().empty())
    return emitOpError("weight-c1: names no tensor of the checkpoint");
  RankedTensorType type = getTensorType();
  if (type.getRank() < 1 || type.getRank() > 3 || !allPositive(type))
    return emitOpError("weight-c2: has type ") << type << ", but one to three positive sizes are needed";
  const SchemeRow &scheme = rowOf(getScheme());
  if (type.getShape().back() % scheme.block != 0)
    return emitOpError("weight-c3: scheme ") << scheme.name << " stores blocks of " << scheme.block
                                             << ", but rows have " << type.getShape().back() << " numbers";
  if (!getParts())
    return success();
  llvm::ArrayRef<int64_t> parts = *getParts();
  int64_t rows = type.getDimSize(getRowAxis()), left = rows;
  // Counted down, so that no sum overflows.
  for (int64_t part : parts)
    left = part > 0 && part <= left ? left - part : -1;
  if (left != 0 || parts.size() != getSources().size())
    return emitOpError("weight-c4: parts are [")
           << parts << "], but positive numbers of rows, one for each of " << getSources().size()
           << " sources, must make " << rows;
  return success();
}

LogicalResult CacheOp::verify() {
  RankedTensorType type = getTensorType();
  if (type.getRank() != 3 || !allPositive(type))
    return emitOpError("cache-c1: has type ") << type << ", but (slots, kv heads, dim) are needed";
  if (!rowOf(getScheme()).caches)
    return emitOpError("cache-c2: keys and values are stored as one of ")
           << namesOfSchemes(&SchemeRow::caches) << ", not " << nameOf(getScheme());
  if (getPairs() && (static_cast<int64_t>(*getPairs()) < 1 ||
                     static_cast<int64_t>(*getPairs()) >= type.getShape().back() / 2))
    return emitOpError("cache-c3: keeps ") << *getPairs() << " pairs of keys of " << type.getShape().back();
  return success();
}

} // namespace gemmac::gemma
