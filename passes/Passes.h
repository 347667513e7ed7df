//===- Passes.h - constructors and registration of all passes -------------------------------------------===//

#ifndef GEMMAC_PASSES_PASSES_H
#define GEMMAC_PASSES_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/TargetChoice.h"

namespace gemmac {
#define GEN_PASS_DECL
#include "passes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
} // namespace gemmac

#endif
