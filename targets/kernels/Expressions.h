//===- Expressions.h - building blocks of several kernels -----------------------------------------------===//
// Scalar functions without libm, arrays as Kernel.h describes them, and the region of an output that a call
// computes.

#ifndef GEMMAC_TARGETS_KERNELS_EXPRESSIONS_H
#define GEMMAC_TARGETS_KERNELS_EXPRESSIONS_H

#include "contract/WeightLayout.h"
#include "targets/kernels/HalideEmit.h"

namespace gemmac {

/// Storage for arrays above 16 KiB that must stay on the stack: Halide moves those in MemoryType::Stack to
/// the heap. KernelTraits.h counts their bytes.
inline constexpr Halide::MemoryType kLargeStack = Halide::MemoryType::Register;

/// e^x to 2 units in the last place; 0 below -87.3 (minus infinity included), e^88 above 88.
Halide::Expr exponential(Halide::Expr x);

/// tanh(x), to a few units in the last place, also near 0.
Halide::Expr hyperbolicTangent(Halide::Expr x);

/// cap tanh(x / cap)
Halide::Expr softcap(const Halide::Expr &x, float cap);

/// {cos, sin} of an angle of at most 10^6, to 2^-24.
std::pair<Halide::Expr, Halide::Expr> cosineAndSine(Halide::Expr angle);

/// The float32 whose upper 16 bits are the bfloat16's.
Halide::Expr widenBfloat(Halide::Expr bits);

/// Converts a float16, stored as its bits, to float32.
Halide::Expr fromStoredHalf(Halide::Expr bits, const Target &target);

/// The bits of the float16 nearest to a float32, ties to even.
Halide::Expr toStoredHalf(Halide::Expr x, const Target &target);

/// Sum of `count` (a power of two) values lane(i) as a binary tree, in the same order on every machine.
Halide::Expr sumOfLanes(const std::function<Halide::Expr(int)> &lane, int count);

/// An array (tokens, heads, size), or (tokens, size) if heads = 0.
Halide::ImageParam tokensArray(const char *name, Halide::Type type, int64_t size, int64_t heads = 0);

/// A dense array of constant shape, slowest axis first.
Halide::ImageParam denseArray(const char *name, Halide::Type type, std::vector<int64_t> shape);

/// Halide's type of an array's numbers. bfloat16 and float16 are read as bits; kernels convert them.
Halide::Type typeOf(Element element);

/// The planes of a weight.
std::vector<Halide::ImageParam> weightPlanes(Layout layout, Scheme scheme, WeightShape shape);

/// Does a plane have more numbers than 32-bit indices can address?
bool needsLargeIndices(Layout layout, Scheme scheme, WeightShape shape);

/// The indices begin … end - 1 of an output's axis that this call computes.
struct Part {
  Halide::Expr begin, end;
};
Part partOf(Halide::Func output, int axis);

/// The number of float32 lanes of a vector register.
inline int lanesOf(const Target &target) {
  return target.vectorBytes / 4;
}

/// The largest power of two up to 16 that divides size: the number of partial sums that a sum over size is
/// split into. Independent of the target.
int partialSums(int64_t size);

} // namespace gemmac

#endif
