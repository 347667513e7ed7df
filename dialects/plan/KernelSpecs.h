//===- KernelSpecs.h - kernels' specifications and the plan's attribute for them ------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_KERNELSPECS_H
#define GEMMAC_DIALECTS_PLAN_KERNELSPECS_H

#include "contract/KernelSpec.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace gemmac {

KernelSpec specOf(plan::KernelAttr kernel);
plan::KernelAttr kernelAttrOf(const KernelSpec &spec, mlir::MLIRContext *context);

/// The element type of an array in the plan; u8 and bf16 are signless integers.
mlir::Type elementTypeOf(Element element, mlir::Builder &builder);

/// The specifications of all kernels that the plan calls, each once, ordered by symbol. Fails, with an error
/// at a call, if two of them have the same symbol: the linker would use one kernel for both.
mlir::FailureOr<std::vector<KernelSpec>> kernelsOf(
    mlir::ModuleOp plan, llvm::function_ref<std::string(const KernelSpec &)> symbolOf =
                             [](const KernelSpec &spec) { return spec.symbol(); });

} // namespace gemmac

#endif
