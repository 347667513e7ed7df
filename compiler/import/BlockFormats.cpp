//===- BlockFormats.cpp - how files store numbers -------------------------------------------------------===//
// Formulas and the order of bits are those of the specification of the family, section "Block formats". Every
// number is one exact product, so that no machine's way of contracting them changes it. Most formats are
// schemes: contract/BlockParts.cpp.

#include "compiler/import/BlockFormats.h"
#include "contract/Scheme.h"
#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

namespace gemmac {
namespace {

/// Twice the values of E2M1, the 4-bit float of OCP's Microscaling formats: a sign, two bits of exponent, one
/// of fraction.
constexpr int8_t kDoubledE2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// The scale is 2^(byte - 127). 255, which Microscaling reads as NaN, is 2^128 to GGUF.
void mxfp4(const uint8_t *block, float *out) {
  float unit = std::ldexp(1.0f, int(block[0]) - 128); // of the doubled table; exact, also where subnormal
  const uint8_t *pairs = block + 1;
  for (int i = 0; i < 16; ++i) {
    out[i] = unit * float(kDoubledE2m1[pairs[i] & 15]);
    out[i + 16] = unit * float(kDoubledE2m1[pairs[i] >> 4]);
  }
}

template <int64_t Numbers, int64_t Bytes, void (*Decode)(const uint8_t *, float *)>
void each(const uint8_t *blocks, int64_t count, float *out) {
  for (int64_t done = 0; done < count; done += Numbers, blocks += Bytes)
    Decode(blocks, out + done);
}

template <int64_t Numbers, int64_t Bytes, void (*Decode)(const uint8_t *, float *)>
constexpr BlockFormat blocks(std::string_view scheme) {
  return {scheme, Numbers, Bytes, each<Numbers, Bytes, Decode>};
}

constexpr BlockFormat unread(std::string_view scheme, int64_t numbers, int64_t bytes) {
  return {scheme, numbers, bytes, nullptr};
}

/// Formats that are no scheme of ours.
constexpr BlockFormat kFormats[] = {
    blocks<32, 17, mxfp4>("mxfp4"),
    // Known by size only: a tensor of such a type is refused if the model needs it, and skipped otherwise.
    unread("q8_1", 32, 36),
    unread("q8_k", 256, 292),
    unread("iq1_s", 256, 50),
    unread("iq1_m", 256, 56),
    unread("iq2_xxs", 256, 66),
    unread("iq2_xs", 256, 74),
    unread("iq2_s", 256, 82),
    unread("iq3_xxs", 256, 98),
    unread("iq3_s", 256, 110),
    unread("tq1_0", 256, 54),
    unread("tq2_0", 256, 66),
    unread("i8", 1, 1),
    unread("i16", 1, 2),
    unread("i32", 1, 4),
    unread("i64", 1, 8),
    unread("f64", 1, 8),
};

const std::vector<BlockFormat> &allFormats() {
  static const std::vector<BlockFormat> all = [] {
    std::vector<BlockFormat> formats;
    for (const SchemeRow &row : allSchemes())
      formats.push_back({row.name, row.block, row.blockBytes, row.load});
    formats.insert(formats.end(), std::begin(kFormats), std::end(kFormats));
    return formats;
  }();
  return all;
}

} // namespace

const BlockFormat *findBlockFormat(std::string_view scheme) {
  auto found = std::ranges::find(allFormats(), scheme, &BlockFormat::scheme);
  return found == allFormats().end() ? nullptr : &*found;
}

std::string namesOfReadableFormats() {
  std::string names;
  for (const BlockFormat &format : allFormats())
    if (format.decode)
      names += (names.empty() ? "" : ", ") + std::string(format.scheme);
  return names;
}

} // namespace gemmac
