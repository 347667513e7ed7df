//===- Plan.h - what the device does --------------------------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_PLAN_H
#define GEMMAC_DIALECTS_PLAN_PLAN_H

#include "contract/Schedule.h"
#include "contract/WeightLayout.h"
#include "dialects/Sources.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace gemmac {
/// Attributes need a hash of their parameters.
llvm::hash_code hash_value(const Schedule &schedule);
} // namespace gemmac

#include "dialects/plan/PlanOpsEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanOpsAttributes.h.inc"
#include "dialects/plan/PlanOpsDialect.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

namespace gemmac::plan {
/// On an argument of an entry: the name of its port.
inline constexpr llvm::StringLiteral kInputAttr = "plan.input", kOutputAttr = "plan.output";
} // namespace gemmac::plan

#endif
