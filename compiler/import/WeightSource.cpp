//===- WeightSource.cpp - where the bytes of weights come from ------------------------------------------===//

#include "compiler/import/WeightSource.h"
#include <bit>
#include <cassert>
#include <cstring>

namespace gemmac {
namespace {

// Checkpoints align nothing: every number is loaded through memcpy, which costs no instruction.
template <typename Bits>
Bits load(const uint8_t *bytes, size_t index) {
  Bits bits;
  std::memcpy(&bits, bytes + index * sizeof(Bits), sizeof(Bits));
  return bits;
}

float fromBf16(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

/// Without branches or calls, so that a loop of it becomes vector code on any machine. Normal numbers,
/// infinities and NaN get their exponent moved by a product; subnormals come out of a subtraction that
/// normalises them.
float fromF16(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  uint32_t sign = word & 0x80000000u;
  uint32_t magnitude = word + word;
  float normal = std::bit_cast<float>((magnitude >> 4) + (0xE0u << 23)) * 0x1.0p-112f;
  float subnormal = std::bit_cast<float>((magnitude >> 17) | (126u << 23)) - 0.5f;
  uint32_t result = std::bit_cast<uint32_t>(magnitude < (1u << 27) ? subnormal : normal);
  return std::bit_cast<float>(sign | result);
}

} // namespace

int64_t SourceTensor::numbers() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

bool canReadNumbers(std::string_view scheme) {
  return scheme == "f32" || scheme == "f16" || scheme == "bf16";
}

void readNumbers(const SourceTensor &tensor, int64_t first, std::span<float> out) {
  assert(canReadNumbers(tensor.scheme) && "the importer refuses schemes that have no reader");
  assert(first >= 0 && int64_t(out.size()) <= tensor.numbers() - first &&
         "the range must lie inside the tensor");
  const size_t width = tensor.scheme == "f32" ? 4 : 2;
  const uint8_t *bytes = tensor.bytes.data() + size_t(first) * width;
  if (tensor.scheme == "f32") {
    if (!out.empty())
      std::memcpy(out.data(), bytes, out.size_bytes());
  } else if (tensor.scheme == "bf16") {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = fromBf16(load<uint16_t>(bytes, i));
  } else {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = fromF16(load<uint16_t>(bytes, i));
  }
}

} // namespace gemmac
