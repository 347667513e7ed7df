//===- BlockFormats.cpp - how files store numbers -------------------------------------------------------===//
// Formulas and the order of bits are those of the specification of the family, section "Block formats". Every
// number is one exact product, or one rounded difference of exact products, so that no machine's way of
// contracting them changes it. (Q6_K's product of scale, factor and number is rounded once.)

#include "compiler/import/BlockFormats.h"
#include "contract/Scheme.h"
#include "contract/SmallFloats.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <vector>

namespace gemmac {
namespace {

// Nothing in a file is aligned: every number is loaded through memcpy, which costs no instruction.
template <typename Bits>
Bits load(const uint8_t *bytes) {
  Bits bits;
  std::memcpy(&bits, bytes, sizeof(Bits));
  return bits;
}

float half(const uint8_t *bytes) {
  return fromHalf(load<uint16_t>(bytes));
}

// Blocks of 32. Of 4-bit numbers, the first 16 are the low nibbles of 16 bytes, the others the high nibbles.

void q4_1(const uint8_t *block, float *out) {
  float scale = half(block), least = half(block + 2);
  const uint8_t *pairs = block + 4;
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(pairs[i] & 15) + least;
    out[i + 16] = scale * float(pairs[i] >> 4) + least;
  }
}

/// 5-bit number i, whose highest bit is bit i of `fifths`.
int fiveBits(const uint8_t *pairs, uint32_t fifths, int i) {
  int low = i < 16 ? pairs[i] & 15 : pairs[i - 16] >> 4;
  return low | int(fifths >> i & 1) << 4;
}

void q5_0(const uint8_t *block, float *out) {
  float scale = half(block);
  auto fifths = load<uint32_t>(block + 2);
  for (int i = 0; i < 32; ++i)
    out[i] = scale * float(fiveBits(block + 6, fifths, i) - 16);
}

void q5_1(const uint8_t *block, float *out) {
  float scale = half(block), least = half(block + 2);
  auto fifths = load<uint32_t>(block + 4);
  for (int i = 0; i < 32; ++i)
    out[i] = scale * float(fiveBits(block + 8, fifths, i)) + least;
}

constexpr int8_t kUnevenSteps[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

void unevenNumbers(const uint8_t *pairs, float scale, float *out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = scale * float(kUnevenSteps[pairs[i] & 15]);
    out[i + 16] = scale * float(kUnevenSteps[pairs[i] >> 4]);
  }
}

void iq4_nl(const uint8_t *block, float *out) {
  unevenNumbers(block + 2, half(block), out);
}

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

// Blocks of 256, with scales of their own for groups of 16 or 32.

void q2_k(const uint8_t *block, float *out) {
  const uint8_t *groups = block, *numbers = block + 16;
  float scale = half(block + 80), least = half(block + 82);
  for (int group = 0; group < 16; ++group) {
    float step = scale * float(groups[group] & 15), offset = least * float(groups[group] >> 4);
    const uint8_t *bytes = numbers + 32 * (group / 8) + 16 * (group % 2);
    int shift = 2 * (group / 2 % 4);
    for (int i = 0; i < 16; ++i)
      out[16 * group + i] = step * float(bytes[i] >> shift & 3) - offset;
  }
}

void q3_k(const uint8_t *block, float *out) {
  const uint8_t *thirds = block, *numbers = block + 32, *groups = block + 96;
  float scale = half(block + 108);
  for (int group = 0; group < 16; ++group) {
    int low = groups[group % 8] >> 4 * (group / 8) & 15;
    int high = groups[8 + group % 4] >> 2 * (group / 4) & 3;
    float step = scale * float((low | high << 4) - 32);
    const uint8_t *bytes = numbers + 32 * (group / 8) + 16 * (group % 2);
    const uint8_t *bits = thirds + 16 * (group % 2);
    int shift = 2 * (group / 2 % 4);
    for (int i = 0; i < 16; ++i)
      out[16 * group + i] = step * float((bytes[i] >> shift & 3) + 4 * (bits[i] >> group / 2 & 1) - 4);
  }
}

/// Scale and minimum of a group of 32, six bits each, from the twelve bytes of scales in Q4_K and Q5_K.
struct GroupOf32 {
  int step, offset;
  GroupOf32(const uint8_t *bytes, int j)
      : step(j < 4 ? bytes[j] & 63 : (bytes[j + 4] & 15) | bytes[j - 4] >> 6 << 4),
        offset(j < 4 ? bytes[j + 4] & 63 : bytes[j + 4] >> 4 | bytes[j] >> 6 << 4) {}
};

void q4_k(const uint8_t *block, float *out) {
  float scale = half(block), least = half(block + 2);
  for (int j = 0; j < 8; ++j) {
    GroupOf32 group(block + 4, j);
    float step = scale * float(group.step), offset = least * float(group.offset);
    const uint8_t *pairs = block + 16 + 32 * (j / 2);
    int shift = 4 * (j % 2);
    for (int i = 0; i < 32; ++i)
      out[32 * j + i] = step * float(pairs[i] >> shift & 15) - offset;
  }
}

void q5_k(const uint8_t *block, float *out) {
  float scale = half(block), least = half(block + 2);
  const uint8_t *fifths = block + 16;
  for (int j = 0; j < 8; ++j) {
    GroupOf32 group(block + 4, j);
    float step = scale * float(group.step), offset = least * float(group.offset);
    const uint8_t *pairs = block + 48 + 32 * (j / 2);
    int shift = 4 * (j % 2);
    for (int i = 0; i < 32; ++i)
      out[32 * j + i] = step * float((pairs[i] >> shift & 15) + 16 * (fifths[i] >> j & 1)) - offset;
  }
}

void q6_k(const uint8_t *block, float *out) {
  float scale = half(block + 208);
  for (int group = 0; group < 16; ++group) {
    float step = scale * float(int8_t(block[192 + group]));
    // Eight groups are a half of the block: quarters of 32 numbers.
    int quarter = group / 2 % 4, start = 16 * (group % 2);
    const uint8_t *low = block + 64 * (group / 8) + 32 * (quarter % 2) + start;
    const uint8_t *high = block + 128 + 32 * (group / 8) + start;
    int lowShift = 4 * (quarter / 2), highShift = 2 * quarter;
    for (int i = 0; i < 16; ++i)
      out[16 * group + i] = step * float((low[i] >> lowShift & 15) + 16 * (high[i] >> highShift & 3) - 32);
  }
}

void iq4_xs(const uint8_t *block, float *out) {
  float scale = half(block);
  auto high = load<uint16_t>(block + 2);
  for (int j = 0; j < 8; ++j) {
    int low = block[4 + j / 2] >> 4 * (j % 2) & 15;
    float step = scale * float((low | (high >> 2 * j & 3) << 4) - 32);
    unevenNumbers(block + 8 + 16 * j, step, out + 32 * j);
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
    blocks<32, 20, q4_1>("q4_1"),
    blocks<32, 22, q5_0>("q5_0"),
    blocks<32, 24, q5_1>("q5_1"),
    blocks<32, 18, iq4_nl>("iq4_nl"),
    blocks<32, 17, mxfp4>("mxfp4"),
    blocks<256, 84, q2_k>("q2_k"),
    blocks<256, 110, q3_k>("q3_k"),
    blocks<256, 144, q4_k>("q4_k"),
    blocks<256, 176, q5_k>("q5_k"),
    blocks<256, 210, q6_k>("q6_k"),
    blocks<256, 136, iq4_xs>("iq4_xs"),
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
      formats.push_back({row.name, row.block, row.blockBytes(), row.load});
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
