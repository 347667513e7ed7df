//===- KernelTraits.h - how a machine's kernels are made --------------------------------------------===//

#ifndef GEMMAC_CONTRACT_KERNELTRAITS_H
#define GEMMAC_CONTRACT_KERNELTRAITS_H

#include "contract/KernelSpec.h"
#include "contract/Target.h"

namespace gemmac {

/// Tokens of a matrix tile, whose rows of x are read as a whole.
inline constexpr int kTileTokens = 16;

/// Can `linear` multiply matrix tiles? Not where indices take 64 bits: Halide knows tiles with 32-bit ones.
bool hasMatrixTiles(const KernelSpec &spec, const Target &target);

/// Bytes behind each of its inputs that a kernel may read, whatever they hold: a matrix tile has all of its
/// tokens.
int64_t bytesReadBehind(const KernelSpec &spec);

/// Does attention multiply the int8 numbers of its cache as integers? ARM has no instruction that does more
/// of these at a time than of float32 multiply-adds.
bool multipliesIntegers(const KernelSpec &spec, const Target &target);

/// Bytes of the arrays that a kernel keeps on its thread's stack; 0 where they are no more than a page. Up to
/// a third more than it takes: which arrays share their place LLVM decides.
int64_t stackBytesOf(const KernelSpec &spec, const Target &target);

// What rows of the table of families say of their stack, and of what they read behind inputs.
int64_t stackOfTiles(const KernelSpec &spec, const Target &target);
int64_t stackOfSpans(const KernelSpec &spec, const Target &target);
int64_t stackOfCachedAttention(const KernelSpec &spec, const Target &target);
int64_t readBehindTiles(const KernelSpec &spec);

} // namespace gemmac

#endif
