//===- KernelTraits.h - properties of kernels on a given machine ------------------------------------===//

#ifndef GEMMAC_CONTRACT_KERNELTRAITS_H
#define GEMMAC_CONTRACT_KERNELTRAITS_H

#include "contract/KernelSpec.h"
#include "contract/Target.h"

namespace gemmac {

/// Tokens per matrix tile; a tile always reads all of its rows of x.
inline constexpr int kTileTokens = 16;

/// Can the kernel use matrix tiles? Not if an index takes 64 bits: Halide's tiles have 32-bit indices.
bool hasMatrixTiles(const KernelSpec &spec, const Target &target);

/// Bytes past the end of each input that a kernel may read; their values do not matter. A matrix tile loads
/// all of its tokens, even if the call has fewer.
int64_t bytesReadBehind(const KernelSpec &spec);

/// Does attention multiply the int8 numbers of its cache as integers? Not on ARM, where no integer
/// instruction does more products at a time than the float32 multiply-add.
bool multipliesIntegers(const KernelSpec &spec, const Target &target);

/// Upper bound of the bytes that a kernel's arrays take on its thread's stack; 0 if they take at most a page.
/// It may be a third too high, because LLVM decides which arrays share a stack slot.
int64_t stackBytesOf(const KernelSpec &spec, const Target &target);

// Functions for the members `stackBytes` and `readBehind` of rows in the table of families.
int64_t stackOfTiles(const KernelSpec &spec, const Target &target);
int64_t stackOfSpans(const KernelSpec &spec, const Target &target);
int64_t stackOfCachedAttention(const KernelSpec &spec, const Target &target);
int64_t readBehindTiles(const KernelSpec &spec);

} // namespace gemmac

#endif
