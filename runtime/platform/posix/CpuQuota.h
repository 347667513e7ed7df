//===- CpuQuota.h - the CPU time that control groups grant ----------------------------------------------===//

#ifndef GEMMAC_RUNTIME_PLATFORM_POSIX_CPUQUOTA_H
#define GEMMAC_RUNTIME_PLATFORM_POSIX_CPUQUOTA_H

#include <stdint.h>

namespace gemmac::platform {

/// How many CPUs' time the control groups of this process may use, rounded down, but at least 1: the least of
/// its group and all groups above, of version 1 (cpu.cfs_quota_us) and 2 (cpu.max). UINT32_MAX: no limit.
/// The system's files are read below `root`, "" for the system itself. Takes no memory but the stack.
uint32_t cpusOfQuota(const char *root);

} // namespace gemmac::platform

#endif
