//===- Plan.h - what the device does --------------------------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_PLAN_H
#define GEMMAC_DIALECTS_PLAN_PLAN_H

#include "contract/WeightLayout.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanOpsAttributes.h.inc"
#include "dialects/plan/PlanOpsDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

#endif
