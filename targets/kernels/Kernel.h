//===- Kernel.h - what a kernel is compiled for, and how it is called -----------------------------------===//
//
// A kernel is a C function made by Halide for one specification: `int symbol(halide_buffer_t *…)`.
// It has no state, allocates nothing, and computes just the part of its outputs that their buffers span, so
// that threads can share the work by giving each call a part of the output.
//
// Arguments stand in this order: input arrays, planes of weights (WeightLayout.h), outputs.
// Arrays are written below as C sees them, last axis contiguous (Halide's first dimension); other strides are
// free unless said otherwise. `n` is the number of tokens, known at run time, 0 included. Elementwise
// families take three axes (tokens, heads, size); plain rows have one head. What they leave quantized is Q:
// q i8[n, B, 32], scales f32[n, B, 1], sums i32[n, B, 1] of -8 q for the B blocks of a token, which take off
// the 8 that is in stored 4-bit numbers; a call's parts of the three name the same tokens and blocks. Where
// an output may be an input, a call of add_norm or softmax must compute whole rows. cache_write writes all
// tokens of k, as far as its outputs' spans and heads go; group_by_expert is not shared among threads. Linear
// kernels may read behind q and scales as far as bytesReadBehind says (KernelTraits.h), and are fastest if
// the parts of their last axis begin at multiples of 16 (of 64 with one token), cached_attention if those of
// its first axis begin at multiples of tokensTogether (CacheLayout.h).
//
// A token stands at `positions`, and `visible` is the last position that it sees: its own in text, the end of
// the block in an image. Each position of a call is one more than the position before it; what is seen does
// not descend, and is at least the token's own position and at most the call's last. There is one number to
// read though n is 0.
//
// clang-format off
//   family            constants                                        arguments
//   embed             vocab columns width offset scale scheme layout   ids i32[n], table planes → f32[n, width]
//   linear            input output rows offset scheme tokens cap       x f32[n, input] (f32, bf16) or q i8[n, input], scales f32[n, input/32],
//                                                                      sums i32[n, input/32] (q8_0, q4_0); planes "tiles16" → f32[n, output]
//                                                                      tokens = 1: one token (GEMV), 0: any number (GEMM). Rows offset … offset+output of `rows`;
//                                                                      `cap`, if there, is softcap's
//   expert_linear     input output experts choices shared scheme       x as linear, but (n, input) if shared = 1, (n, choices, input) if 0 [quantized: scales and sums likewise];
//                                                                      ids i32[n, choices]; planes with a leading expert axis → f32[n, choices, output]
//   grouped_linear    input output experts scheme                      x as linear, but p rows; offsets i32[experts + 1], ascending from 0 to p: rows offsets[e] … offsets[e + 1]
//                                                                      are of expert e; planes with a leading expert axis → f32[p, output]
//   rms_norm          heads size weighted eps quantized                x f32[n, heads, size], w f32[size] if weighted = 1 → same shape; with `quantized` (one head): Q
//   add_norm          heads size scaled eps                            residual, x f32[n, heads, size], w f32[size], scalar f32[1] if scaled = 1 → same (may be residual)
//   gelu, softmax     heads size                                       x f32[n, heads, size] → same (may be x)
//   gelu_mul          heads size quantized                             a, b f32[n, heads, size] → same; with `quantized`: Q
//   add, mul          heads size                                       a, b f32[n, heads, size] → same (may be a)
//   scale             heads size by                                    x → same (may be x); without `by`: scalar f32[1] after x
//   softcap           heads size cap                                   x → same (may be x)
//   quantize          heads size                                       x f32[n, heads, size] → Q
//   rope              heads dim theta pairs factor                     x f32[n, heads, dim], positions i32[n] → same shape (not x)
//   cache_write       heads dim slots scheme pairs                     k, v f32[n, heads, dim], positions i32[n] → planes of the cache (CacheLayout.h; `pairs` only if there)
//   cached_attention  heads kv_heads dim slots window scale scheme     q f32[n, heads, dim], positions, visible i32[n], planes of the cache → f32[n, heads, dim]; window 0: global
//                     pairs                                            with `pairs`: w f32[dim] after the planes, what values are multiplied with to be keys
//   attention_spans   as cached_attention                              as cached_attention, n = 1 → f32[pieces, heads/kv_heads, dim+16]; piece i: kv head i mod kv_heads
//                                                                      of span first + i/kv_heads, first: the first that the token sees; a piece beyond its last is empty
//   merge_spans       heads kv_heads dim                               f32[pieces, heads/kv_heads, dim+16] → f32[1, heads, dim]
//   top_k             experts choices                                  p f32[n, experts], expert_scale f32[experts] → weights f32[n, choices], ids i32[n, choices]
//   group_by_expert   experts choices                                  ids i32[n, choices] → order i32[n*choices], place i32[n, choices], offsets i32[experts + 1]
//   gather_tokens     width choices quantized                          x f32[n, width], order i32[n*choices] → f32[n*choices, width]; or x and the result are
//                                                                      what quantize gives
//   combine           width choices                                    x f32[n, choices, width], weights f32[n, choices] → f32[n, width]
//   combine_groups    width choices                                    x f32[n*choices, width], place i32[n, choices], weights f32[n, choices] → f32[n, width]
//
// clang-format on

#ifndef GEMMAC_TARGETS_KERNELS_KERNEL_H
#define GEMMAC_TARGETS_KERNELS_KERNEL_H

#include "contract/KernelSpec.h"
#include "contract/Target.h"

namespace gemmac {

/// Bump when any kernel's code may change for the same specification: object files are cached by
/// specification, target and this.
inline constexpr int kKernelVersion = 12;

struct CompiledKernel {
  std::string object; ///< the bytes of an object file that defines KernelSpec::symbol() and no other global
  std::string error;  ///< not empty if it could not be made: one sentence
};

/// Compiles a kernel; thread safe. Where `cacheDirectory` is not empty, looks there first and stores there.
CompiledKernel compileKernel(const KernelSpec &spec, const Target &target,
                             const std::string &cacheDirectory = "");

/// The kernel as assembly text, for tests that look for the instruction that was meant and for people.
CompiledKernel kernelAssembly(const KernelSpec &spec, const Target &target);

/// The kernel as LLVM's assembly language.
CompiledKernel kernelLLVM(const KernelSpec &spec, const Target &target);

} // namespace gemmac

#endif
