//===- KernelSpecs.h - from the plan's attribute to the kernel room's specification ---------------------===//

#ifndef GEMMAC_TARGETS_EMIT_KERNELSPECS_H
#define GEMMAC_TARGETS_EMIT_KERNELSPECS_H

#include "dialects/plan/Plan.h"
#include "targets/kernels/Kernel.h"

namespace gemmac {

KernelSpec specOf(plan::KernelAttr kernel);

} // namespace gemmac

#endif
