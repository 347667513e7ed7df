//===- Expressions.h - what several kernels are made of -------------------------------------------------===//
// Functions of numbers without libm, arrays as Kernel.h describes them, and the part of an output that a call
// computes.

#ifndef GEMMAC_TARGETS_KERNELS_EXPRESSIONS_H
#define GEMMAC_TARGETS_KERNELS_EXPRESSIONS_H

#include "contract/WeightLayout.h"
#include "targets/kernels/HalideEmit.h"

namespace gemmac {

/// Where what is larger than 16 KiB stays on the stack: in MemoryType::Stack, Halide takes that from the
/// heap. KernelTraits.h counts it.
inline constexpr Halide::MemoryType kLargeStack = Halide::MemoryType::Register;

/// e^x to 2 units in the last place; 0 below -87.3 (minus infinity included), e^88 above 88.
Halide::Expr exponential(Halide::Expr x);

/// tanh(x), to a few units in the last place near 0 too.
Halide::Expr hyperbolicTangent(Halide::Expr x);

/// cap tanh(x / cap)
Halide::Expr softcap(const Halide::Expr &x, float cap);

/// {cos, sin} of an angle of at most 10^6, to 2^-24.
std::pair<Halide::Expr, Halide::Expr> cosineAndSine(Halide::Expr angle);

/// The float32 whose upper half a bfloat16 is.
Halide::Expr widenBfloat(Halide::Expr bits);

/// float32 from a float16 that an array holds as its bits.
Halide::Expr fromStoredHalf(Halide::Expr bits, const Target &target);

/// The bits of the float16 nearest to a float32, ties to even.
Halide::Expr toStoredHalf(Halide::Expr x, const Target &target);

/// Sum of `count` (a power of two) of f's first axis as a tree: the same order on every machine.
Halide::Expr sumOfLanes(const std::function<Halide::Expr(int)> &lane, int count);

/// An array (tokens, heads, size) or, with heads = 0, (tokens, size).
Halide::ImageParam tokensArray(const char *name, Halide::Type type, int64_t size, int64_t heads = 0);

/// A dense array of constant shape, slowest axis first.
Halide::ImageParam denseArray(const char *name, Halide::Type type, std::vector<int64_t> shape);

/// How kernels read an array's numbers: of bfloat16 and float16 the bits, which they convert themselves.
Halide::Type typeOf(Element element);

/// The planes of a weight.
std::vector<Halide::ImageParam> weightPlanes(Layout layout, Scheme scheme, WeightShape shape);

/// Has a plane so many numbers that 32 bits don't index them?
bool needsLargeIndices(Layout layout, Scheme scheme, WeightShape shape);

/// Indices begin … end - 1 of an output's axis that this call computes.
struct Part {
  Halide::Expr begin, end;
};
Part partOf(Halide::Func output, int axis);

/// float32 numbers of a vector register.
inline int lanesOf(const Target &target) {
  return target.vectorBytes / 4;
}

/// The largest power of two up to 16 that divides size: how many partial sums a sum over size is made of.
/// Independent of the target.
int partialSums(int64_t size);

} // namespace gemmac

#endif
