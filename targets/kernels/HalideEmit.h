//===- HalideEmit.h - the one door to Halide ------------------------------------------------------------===//
// Included by the files of kernels and by nobody else.

#ifndef GEMMAC_TARGETS_KERNELS_HALIDEEMIT_H
#define GEMMAC_TARGETS_KERNELS_HALIDEEMIT_H

#include "targets/kernels/Kernel.h"

#include <Halide.h>

namespace gemmac {

/// A parameter of the algorithm that is no argument: the first number of an array, or, with `minus`, the most
/// that a number of `array` is above the one of `minus` beside it, at least 0. Both are i32[n] from index 0
/// on. Halide simplifies bounds of loops where they are parameters, not where they are loads.
struct BoundScalar {
  Halide::Param<int32_t> parameter;
  Halide::ImageParam array, minus = {};
};

/// What a kernel's file makes: a scheduled pipeline. Name every Func, RDom and ImageParam: names that Halide
/// makes up count on through a process, and the order of names decides the order of code, which must be the
/// same on every run.
struct KernelCode {
  std::vector<Halide::Argument>
      arguments; ///< inputs, planes and scalars, in the order of Kernel.h; outputs follow by themselves
  Halide::Pipeline pipeline;
  /// Float arithmetic is strict: one rounding an operation, in the order that is written, so that the same
  /// number comes out of every loop. If set, only what is inside strict_float() is; the rest may become fused
  /// multiply-adds.
  bool fuseMultiplyAdd = false;
  /// An array has 2^31 numbers or more: indices into arrays take 64 bits.
  bool largeArrays = false;
  std::vector<BoundScalar> scalars = {};
};

using KernelBuilder = KernelCode (*)(const KernelSpec &spec, const Target &target);

/// The builder of a family, or null.
KernelBuilder findKernel(const std::string &family);

} // namespace gemmac

#endif
