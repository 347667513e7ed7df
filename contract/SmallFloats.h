//===- SmallFloats.h - float16 and bfloat16 as bits -----------------------------------------------------===//
// Conversions round to the nearest number, ties to even; infinities and NaNs are preserved.

#ifndef GEMMAC_CONTRACT_SMALLFLOATS_H
#define GEMMAC_CONTRACT_SMALLFLOATS_H

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

/// Has no branches or calls, so that a loop over it is vectorized on any machine. A multiplication moves the
/// exponent of normal numbers, infinities and NaNs into float32's range; a subtraction normalises
/// subnormals.
inline float fromHalf(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  uint32_t sign = word & 0x80000000u;
  uint32_t magnitude = word + word;
  float normal = std::bit_cast<float>((magnitude >> 4) + (0xE0u << 23)) * 0x1.0p-112f;
  float subnormal = std::bit_cast<float>((magnitude >> 17) | (126u << 23)) - 0.5f;
  uint32_t result = std::bit_cast<uint32_t>(magnitude < (1u << 27) ? subnormal : normal);
  return std::bit_cast<float>(sign | result);
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
