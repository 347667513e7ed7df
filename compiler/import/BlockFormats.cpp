//===- BlockFormats.cpp - how files store numbers -------------------------------------------------------===//
// Formulas and the order of bits are those of the specification of the family, section "Block formats". Every
// number is one exact product, so that no machine's way of contracting them changes it. Most formats are
// schemes: contract/BlockParts.cpp.

#include "compiler/import/BlockFormats.h"
#include "compiler/import/CodebookFormats.h"
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

template <void (*Read)(const uint8_t *, CodedBlock &), float Unit>
void decodeCoded(const uint8_t *block, float *out) {
  CodedBlock coded;
  Read(block, coded);
  decode(coded, Unit, out);
}

template <int64_t Bytes, void (*Read)(const uint8_t *, CodedBlock &), float Unit>
void convertCoded(const uint8_t *blocks, int64_t count, const SchemeRow &to, uint8_t *stored) {
  CodedBlock coded;
  for (; count > 0;
       count -= kCodedNumbers, blocks += Bytes, stored += kCodedNumbers / to.block * to.blockBytes) {
    Read(blocks, coded);
    convert(coded, Unit, to, stored);
  }
}

/// `rounds`: no scheme has the integers and the factors.
template <int64_t Bytes, void (*Read)(const uint8_t *, CodedBlock &), float Unit>
constexpr BlockFormat coded(std::string_view scheme, bool rounds = false) {
  BlockFormat format = blocks<kCodedNumbers, Bytes, decodeCoded<Read, Unit>>(scheme);
  format.convert = rounds ? nullptr : convertCoded<Bytes, Read, Unit>;
  return format;
}

constexpr BlockFormat unread(std::string_view scheme, int64_t numbers, int64_t bytes) {
  return {scheme, numbers, bytes, nullptr};
}

/// Formats that are no scheme of ours.
constexpr BlockFormat kFormats[] = {
    blocks<32, 17, mxfp4>("mxfp4"),
    coded<50, readIq1S, kEighth>("iq1_s"),
    coded<56, readIq1M, kEighth>("iq1_m"),
    coded<66, readIq2Xxs, kEighth>("iq2_xxs"),
    coded<74, readIq2Xs, kEighth>("iq2_xs", true),
    coded<82, readIq2S, kEighth>("iq2_s", true),
    coded<98, readIq3Xxs, kHalf>("iq3_xxs"),
    coded<110, readIq3S, 1.0f>("iq3_s"),
    coded<54, readTq1_0, 1.0f>("tq1_0"),
    coded<66, readTq2_0, 1.0f>("tq2_0"),
    // Known by size only: a tensor of such a type is refused if the model needs it, and skipped otherwise.
    unread("q8_1", 32, 36),
    unread("q8_k", 256, 292),
    unread("nvfp4", 64, 36),
    unread("q1_0", 128, 18),
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
