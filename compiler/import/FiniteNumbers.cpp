//===- FiniteNumbers.cpp - where a checkpoint holds NaN or an infinity ----------------------------------===//

#include "compiler/import/FiniteNumbers.h"
#include "compiler/import/BlockFormats.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

namespace gemmac {
namespace {

// Floats of which all bits of the exponent are set are infinite or NaN.
constexpr uint32_t kExponent = 0x7f800000;  // float32
constexpr uint16_t kBrainExponent = 0x7f80; // bfloat16
constexpr uint16_t kHalfExponent = 0x7c00;  // float16
constexpr int64_t kRow = 4096;              // numbers that are looked at together

template <typename Bits>
bool anyAllSet(const uint8_t *bytes, int64_t count, int64_t stride, Bits exponent) {
  bool any = false;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, bytes + i * stride, sizeof(Bits));
    any |= (bits & exponent) == exponent;
  }
  return any;
}

/// The float16 scales and minima of a block. All numbers of a block are finite if these are: they are a scale
/// times an integer of few bits, plus or minus a minimum, in float32.
struct Scales {
  std::string_view scheme;
  std::array<int, 2> offsets; ///< in bytes; -1: none
};
constexpr Scales kScales[] = {{"f16", {0, -1}},   {"q4_0", {0, -1}}, {"q4_1", {0, 2}},    {"q5_0", {0, -1}},
                              {"q5_1", {0, 2}},   {"q8_0", {0, -1}}, {"q2_k", {80, 82}},  {"q3_k", {108, -1}},
                              {"q4_k", {0, 2}},   {"q5_k", {0, 2}},  {"q6_k", {208, -1}}, {"iq4_nl", {0, -1}},
                              {"iq4_xs", {0, -1}}};

/// Whether blocks may hold a number that is not finite: false is certain.
bool mayHoldOther(const BlockFormat &format, const uint8_t *bytes, int64_t blocks) {
  if (format.scheme == "f32")
    return anyAllSet(bytes, blocks, format.bytes, kExponent);
  if (format.scheme == "bf16")
    return anyAllSet(bytes, blocks, format.bytes, kBrainExponent);
  auto scales = std::ranges::find(kScales, format.scheme, &Scales::scheme);
  if (scales == std::end(kScales))
    return true;
  return std::ranges::any_of(scales->offsets, [&](int offset) {
    return offset >= 0 && anyAllSet(bytes + offset, blocks, format.bytes, kHalfExponent);
  });
}

} // namespace

std::optional<int64_t> firstNotFinite(std::span<const float> numbers) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(numbers.data());
  if (!anyAllSet(bytes, int64_t(numbers.size()), sizeof(float), kExponent))
    return std::nullopt;
  return std::ranges::find_if_not(numbers, [](float number) { return std::isfinite(number); }) -
         numbers.begin();
}

std::optional<int64_t> firstNotFinite(std::string_view scheme, std::span<const uint8_t> blocks) {
  const BlockFormat *format = findBlockFormat(scheme);
  assert(format && format->decode && "only schemes that can be read are looked at");
  const int64_t count = int64_t(blocks.size()) / format->bytes,
                together = std::max<int64_t>(kRow / format->numbers, 1);
  std::vector<float> numbers;
  for (int64_t first = 0; first < count; first += together) {
    const uint8_t *bytes = blocks.data() + first * format->bytes;
    const int64_t here = std::min(together, count - first);
    if (!mayHoldOther(*format, bytes, here))
      continue;
    numbers.resize(size_t(here * format->numbers));
    format->decode(bytes, here * format->numbers, numbers.data());
    if (std::optional<int64_t> found = firstNotFinite(numbers))
      return first * format->numbers + *found;
  }
  return std::nullopt;
}

} // namespace gemmac
