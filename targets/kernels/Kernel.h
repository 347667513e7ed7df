//===- Kernel.h - what a kernel is compiled for, and how it is called -----------------------------------===//
//
// A kernel is a C function for one specification, whoever makes it: `int symbol(halide_buffer_t *…)`.
// It has no state, allocates nothing, and computes just the part of its outputs that their buffers span, so
// that threads can share the work by giving each call a part of the output.
//
// What each family takes and leaves, in the order of its arguments, says the table in
// contract/KernelFamilies.cpp; its manual is build/docs/kernels.md (target `docs`). Of every family holds:
//
// Axes stand as C sees them, last axis contiguous (Halide's first dimension); other strides are free, and
// planes of weights and caches are dense. `n` is the number of tokens, known at run time, 0 included.
// Elementwise families take three axes (tokens, heads, size); plain rows have one head. What is left
// quantized is numbers (n, B, 32), scales (n, B, 2) and sums (n, B, 2) for the B blocks of a token; a
// call's parts of the three name the same tokens and blocks. What the table lets be cut may be cut anywhere;
// it is fastest in whole grains of the schedule.
//
// A token stands at `positions`, and `visible` is the last position that it sees: its own in text, the end of
// the block in an image. Each position of a call is one more than the position before it; what is seen does
// not descend, and is at least the token's own position and at most the call's last. There is one number to
// read though n is 0.

#ifndef GEMMAC_TARGETS_KERNELS_KERNEL_H
#define GEMMAC_TARGETS_KERNELS_KERNEL_H

#include "targets/KernelMaker.h"

#include <string>
#include <vector>

namespace gemmac {

/// Bump when any kernel's code may change for the same specification: object files are cached by
/// specification, target, Halide's version and this.
inline constexpr int kKernelVersion = 13;

/// Makes kernels of all families as objects, one at a time: Halide counts names and caches targets in
/// globals.
const KernelMaker &halideMaker();

/// What Halide makes as assembly text, for tests that look for the instruction that was meant and for people.
MadeKernel kernelAssembly(const KernelSpec &spec, const Target &target);

/// The same as LLVM's assembly language.
MadeKernel kernelLLVM(const KernelSpec &spec, const Target &target);

/// The families that there are builders for, by name.
std::vector<std::string> builtFamilies();

} // namespace gemmac

#endif
