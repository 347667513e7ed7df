//===- SmallFloats.h - float16 and bfloat16 as bits -----------------------------------------------------===//
// Conversions to the nearest number, ties to even; infinities and NaNs stay what they are.

#ifndef GEMMAC_TARGETS_KERNELS_SMALLFLOATS_H
#define GEMMAC_TARGETS_KERNELS_SMALLFLOATS_H

#include <bit>
#include <cstdint>

namespace gemmac {

inline float fromBfloat(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

inline uint16_t toBfloat(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t((bits >> 16) | 0x40); // a NaN must not round to infinity
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float fromHalf(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16, magnitude = bits & 0x7fff;
  if (magnitude >= 0x7c00)
    return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
  // 2^112 moves the exponent from float16's bias to float32's and makes subnormal numbers normal, exactly.
  float shifted = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(shifted) | sign);
}

inline uint16_t toHalf(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000) // 65520 and above round to infinity
    return sign | 0x7c00;
  if (magnitude < 0x38800000) { // below 2^-14: the unit of float16 is 2^-24, and adding 0.5 rounds to it
    float rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | uint16_t(std::bit_cast<uint32_t>(rounded) - 0x3f000000);
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | uint16_t((rounded - 0x38000000) >> 13);
}

} // namespace gemmac

#endif
