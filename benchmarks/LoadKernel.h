//===- LoadKernel.h - a kernel compiled for this machine and loaded into this process -------------------===//

#ifndef GEMMAC_BENCHMARKS_LOADKERNEL_H
#define GEMMAC_BENCHMARKS_LOADKERNEL_H

#include "targets/kernels/Kernel.h"

#include <cstdint>

namespace gemmac {

/// Arguments are addresses of halide_buffer_t and numbers; those beyond the kernel's are not looked at.
using Kernel = int (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

/// Prints the kernel's name and how long it took to compile; ends the program where that fails.
Kernel load(const KernelSpec &spec);

} // namespace gemmac

#endif
