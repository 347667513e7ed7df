//===- Gemma.h - what a Gemma model computes ------------------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_GEMMA_GEMMA_H
#define GEMMAC_DIALECTS_GEMMA_GEMMA_H

#include "contract/WeightLayout.h"
#include "dialects/Sources.h"
#include "dialects/gemma/Interfaces.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace gemmac::gemma {
/// Keys and values kept between calls: this resource orders reads and writes of caches.
struct CacheResource : mlir::SideEffects::Resource::Base<CacheResource> {
  mlir::StringRef getName() final { return "gemma.cache"; }
};
} // namespace gemmac::gemma

#define GET_ATTRDEF_CLASSES
#include "dialects/gemma/GemmaOpsAttributes.h.inc"
#include "dialects/gemma/GemmaOpsDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/gemma/GemmaOps.h.inc"

#endif
