//===- MemoryCheck.h - does a plan keep its arrays apart? -----------------------------------------------===//
//
// Looks at a plan whose buffers have offsets and knows nothing of how they were chosen. Every entry is walked
// as its largest call runs, procedures and loops included; what a call touches, and when, comes from that.
//
//   check-m1  two buffers of the arena do not share a byte while both are needed: from the first call that
//             touches a buffer to the last
//   check-m2  every array lies inside of its memory, with what kernels read behind it (KernelTraits.h); in
//             weights and caches inside of one plane; planes do not overlap
//   check-m3  buffers and planes begin at multiples of a cache line, arrays at multiples of their element
//   check-m4  no call reads bytes of the arena that no call before it wrote, that were written as elements of
//             another width, or of which one call wrote a part over another's: once arrays are views of one
//             arena nothing else tells buffers apart
//   check-m5  what a call writes to the arena a later call reads, a part at least

#ifndef GEMMAC_COMPILER_VERIFY_MEMORYCHECK_H
#define GEMMAC_COMPILER_VERIFY_MEMORYCHECK_H

#include "mlir/IR/BuiltinOps.h"

namespace gemmac::verify {

/// Fails with a diagnostic for each thing that is wrong, at the op that it is wrong with.
mlir::LogicalResult checkMemory(mlir::ModuleOp plan);

} // namespace gemmac::verify

#endif
