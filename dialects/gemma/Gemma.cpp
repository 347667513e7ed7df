//===- Gemma.cpp - the dialect and its symbols ----------------------------------------------------------===//

#include "dialects/gemma/Gemma.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace gemmac::gemma;

#include "dialects/gemma/GemmaOpsDialect.cpp.inc"
#include "dialects/gemma/GemmaOpsEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/gemma/GemmaOpsAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/gemma/GemmaOps.cpp.inc"

void GemmaDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/gemma/GemmaOpsAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/gemma/GemmaOps.cpp.inc"
      >();
}

LogicalResult WeightOp::verify() {
  if (getSources().empty())
    return emitOpError("weight-c1: names no tensor of the checkpoint");
  RankedTensorType type = getTensorType();
  if (type.getRank() < 1 || type.getRank() > 3 || !type.hasStaticShape() ||
      llvm::any_of(type.getShape(), [](int64_t size) { return size <= 0; }))
    return emitOpError("weight-c2: has type ") << type << ", but one to three positive sizes are needed";
  bool blocks = getScheme() == Scheme::q8_0 || getScheme() == Scheme::q4_0;
  if (blocks && type.getShape().back() % 32 != 0)
    return emitOpError("weight-c3: scheme ")
           << stringifyScheme(getScheme()) << " stores blocks of 32, but rows have " << type.getShape().back()
           << " numbers";
  return success();
}

LogicalResult CacheOp::verify() {
  RankedTensorType type = getTensorType();
  if (type.getRank() != 3 || !type.hasStaticShape() ||
      llvm::any_of(type.getShape(), [](int64_t size) { return size <= 0; }))
    return emitOpError("cache-c1: has type ") << type << ", but (slots, kv heads, dim) are needed";
  if (getScheme() != Scheme::f32 && getScheme() != Scheme::f16)
    return emitOpError("cache-c2: keys and values are stored as f32 or f16, not ") << stringifyScheme(getScheme());
  return success();
}

void CacheWriteOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), CacheResource::get());
}

void CachedAttentionOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), CacheResource::get());
}
