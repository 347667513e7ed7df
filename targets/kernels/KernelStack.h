//===- KernelStack.h - what kernels take of a thread's stack --------------------------------------------===//

#ifndef GEMMAC_TARGETS_KERNELS_KERNELSTACK_H
#define GEMMAC_TARGETS_KERNELS_KERNELSTACK_H

#include "targets/kernels/Kernel.h"

namespace gemmac {

/// Bytes of the arrays that a kernel keeps on its thread's stack; 0 where they are no more than a page.
int64_t stackBytesOf(const KernelSpec &spec);

} // namespace gemmac

#endif
