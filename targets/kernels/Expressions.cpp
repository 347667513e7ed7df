//===- Expressions.cpp - building blocks of several kernels ---------------------------------------------===//

#include "targets/kernels/Expressions.h"

#include <numeric>

namespace gemmac {

using namespace Halide;

/// c[0] x^(n-1) + ... + c[n-1]
static Expr polynomial(const Expr &x, std::initializer_list<float> coefficients) {
  Expr sum;
  for (float c : coefficients)
    sum = sum.defined() ? sum * x + c : Expr(c);
  return sum;
}

// Coefficients of exponential, hyperbolicTangent and cosineAndSine are those of Moshier's Cephes library
// (expf, tanhf, sinf, cosf).

Expr exponential(Expr x) {
  Expr clamped = clamp(x, -87.3f, 88.0f);
  Expr power = round(clamped * 1.44269504f);
  // ln 2 in two parts: the product with the first is exact.
  Expr rest = (clamped - power * 0.693359375f) - power * -2.12194440e-4f;
  Expr fraction = polynomial(rest, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f,
                                    1.6666665459e-1f, 5.0000001201e-1f}) *
                      (rest * rest) +
                  rest + 1.0f;
  Expr result = fraction * reinterpret<float>((cast<int32_t>(power) + 127) << 23);
  return strict_float(select(x < -87.3f, 0.0f, result));
}

Expr hyperbolicTangent(Expr x) {
  Expr square = x * x;
  Expr nearZero = polynomial(square, {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                      1.33314422036e-1f, -3.33332819422e-1f}) *
                      square * x +
                  x;
  Expr size = 1.0f - 2.0f / (exponential(2.0f * abs(x)) + 1.0f);
  return strict_float(select(abs(x) < 0.625f, nearZero, x < 0.0f, -size, size));
}

Expr softcap(const Expr &x, float cap) {
  return strict_float(cap * hyperbolicTangent(x / cap));
}

std::pair<Expr, Expr> cosineAndSine(Expr angle) {
  // Quarter turns are subtracted in double, where an angle of 10^6 has an error of 10^-10.
  Expr exact = cast<double>(angle);
  Expr quarters = round(exact * Expr(0.63661977236758134));
  Expr x = cast<float>(exact - quarters * Expr(1.5707963267948966));
  Expr square = x * x;
  Expr sine = polynomial(square, {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f}) * square * x + x;
  Expr cosine = polynomial(square, {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f}) *
                    (square * square) -
                0.5f * square + 1.0f;
  Expr quarter = cast<int32_t>(quarters);
  Expr swapped = (quarter & 1) != 0;
  Expr turnedCosine = select(swapped, sine, cosine), turnedSine = select(swapped, cosine, sine);
  return {strict_float(select(((quarter + 1) & 2) != 0, -turnedCosine, turnedCosine)),
          strict_float(select((quarter & 2) != 0, -turnedSine, turnedSine))};
}

Expr widenBfloat(Expr bits) {
  return reinterpret<float>(cast<uint32_t>(bits) << 16);
}

static bool convertsHalf(const Target &target) {
  Halide::Target halide(target.halide);
  return halide.has_feature(Halide::Target::F16C) || halide.has_feature(Halide::Target::ARMFp16);
}

// Without hardware conversions the same steps as in SmallFloats.h are used, except that infinities and NaNs
// become large numbers: neither scales nor keys contain any.
Expr fromStoredHalf(Expr bits, const Target &target) {
  if (convertsHalf(target))
    return cast<float>(reinterpret(Float(16), bits));
  Expr wide = cast<uint32_t>(bits);
  Expr size = strict_float(reinterpret<float>((wide & 0x7fff) << 13) * Expr(0x1p112f));
  return reinterpret<float>(reinterpret<uint32_t>(size) | (wide & 0x8000) << 16);
}

Expr toStoredHalf(Expr x, const Target &target) {
  if (convertsHalf(target))
    return reinterpret<uint16_t>(cast(Float(16), x));
  Expr bits = reinterpret<uint32_t>(x);
  Expr size =
      min(bits & 0x7fffffff, 0x47800000); // 2^16 stands for everything too large, and becomes infinity
  Expr subnormal = reinterpret<uint32_t>(strict_float(reinterpret<float>(size) + 0.5f)) - 0x3f000000;
  Expr normal = (size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13;
  Expr half = min(select(size < 0x38800000, subnormal, normal), 0x7c00);
  return cast<uint16_t>(half | (bits >> 16 & 0x8000));
}

Expr sumOfLanes(const std::function<Expr(int)> &lane, int count) {
  std::vector<Expr> sums;
  for (int i = 0; i < count; ++i)
    sums.push_back(lane(i));
  for (int half = count / 2; half; half /= 2)
    for (int i = 0; i < half; ++i)
      sums[i] = sums[i] + sums[i + half];
  return strict_float(sums[0]);
}

ImageParam tokensArray(const char *name, Type type, int64_t size, int64_t heads) {
  ImageParam array(type, heads ? 3 : 2, name);
  array.dim(0).set_bounds(0, int(size));
  if (heads)
    array.dim(1).set_bounds(0, int(heads));
  return array;
}

ImageParam denseArray(const char *name, Type type, std::vector<int64_t> shape) {
  ImageParam array(type, int(shape.size()), name);
  int64_t stride = 1;
  for (int axis = 0; axis < int(shape.size()); ++axis) {
    int64_t size = shape[shape.size() - 1 - axis];
    array.dim(axis).set_bounds(0, int(size)).set_stride(int(stride));
    stride *= size;
  }
  return array;
}

Type typeOf(Element element) {
  switch (element) {
  case Element::f32:
    return Float(32);
  case Element::bf16:
  case Element::f16: // Halide would convert in each load; kernels convert themselves
    return UInt(16);
  case Element::i8:
    return Int(8);
  case Element::u8:
    return UInt(8);
  case Element::i32:
    return Int(32);
  }
  assert(false && "all elements are listed");
  return {};
}

std::vector<ImageParam> weightPlanes(Layout layout, Scheme scheme, WeightShape shape) {
  static const char *const names[] = {"weights", "weights_1", "weights_2", "weights_3"};
  std::vector<ImageParam> planes;
  for (const Plane &plane : planesOf(layout, scheme, shape))
    planes.push_back(denseArray(names[planes.size()], typeOf(plane.element), plane.shape));
  return planes;
}

bool needsLargeIndices(Layout layout, Scheme scheme, WeightShape shape) {
  for (const Plane &plane : planesOf(layout, scheme, shape))
    if (plane.bytes() / int64_t(bytesOf(plane.element)) > std::numeric_limits<int32_t>::max())
      return true;
  return false;
}

Part partOf(Func output, int axis) {
  auto dimension = output.output_buffer().dim(axis);
  return {dimension.min(), dimension.min() + dimension.extent()};
}

int partialSums(int64_t size) {
  return int(std::gcd<int64_t>(size, 16));
}

} // namespace gemmac
