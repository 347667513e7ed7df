//===- ModelOps.cpp - verifiers of weights and caches ---------------------------------------------------===//

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"

using namespace mlir;

namespace gemmac::gemma {

static bool allPositive(RankedTensorType type) {
  return type.hasStaticShape() && llvm::all_of(type.getShape(), [](int64_t size) { return size > 0; });
}

/// Checks the rows and columns of the sources.
static LogicalResult verifySources(WeightOp weight) {
  RankedTensorType type = weight.getTensorType();
  int64_t rows = type.getDimSize(weight.getRowAxis()), left = rows;
  llvm::SmallVector<TensorRange> sources = readSources(weight.getSources());
  llvm::ArrayRef<int64_t> parts = weight.getParts().value_or(llvm::ArrayRef<int64_t>());
  // Counts down instead of summing up, so that nothing overflows.
  for (int64_t part : parts)
    left = part > 0 && part <= left ? left - part : -1;
  if (weight.getParts() && (left != 0 || parts.size() != sources.size()))
    return weight.emitOpError("weight-c4: parts are [")
           << parts << "], but positive numbers of rows, one for each of " << sources.size()
           << " sources, must make " << rows;
  if (parts.empty() && sources.size() == 1)
    parts = rows;
  for (auto [number, source] : llvm::enumerate(sources)) {
    if (source.rows && !parts.empty() && source.rows->size() != parts[number])
      return weight.emitOpError("weight-c5: '") << source.tensor << "' gives " << source.rows->size()
                                                << " rows, but " << parts[number] << " are needed";
    int64_t columns = type.getRank() > 1 ? type.getShape().back() : 0;
    if (source.columns && source.columns->size() != columns)
      return weight.emitOpError("weight-c5: '") << source.tensor << "' gives " << source.columns->size()
                                                << " columns, but " << columns << " are needed";
  }
  return success();
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
  if (Attribute stored = (*this)->getAttr(kStoredAttr)) {
    auto schemes = dyn_cast<ArrayAttr>(stored);
    if (!schemes || !llvm::all_of(schemes, llvm::IsaPred<StringAttr>))
      return emitOpError("weight-c6: ")
             << kStoredAttr << " is " << stored << ", but must name the schemes of sources";
  }
  return verifySources(*this);
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
