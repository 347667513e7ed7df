//===- BlockParts.cpp - the order of bits in stored blocks ----------------------------------------------===//

#include "contract/BlockParts.h"

#include <algorithm>
#include <cstring>

namespace gemmac {

constexpr int8_t kUnevenValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

namespace {

// Nothing in a file is aligned: every number is loaded and stored through memcpy, which costs no instruction.
template <typename Bits>
Bits load(const uint8_t *from) {
  Bits bits;
  std::memcpy(&bits, from, sizeof(Bits));
  return bits;
}
template <typename Bits>
void store(uint8_t *to, Bits bits) {
  std::memcpy(to, &bits, sizeof(Bits));
}

constexpr uint16_t kSign = 0x8000;

/// Adds `bits` of each byte, from `shift` on, to numbers at position `to` of their bits.
void take(const uint8_t *bytes, int count, int shift, int bits, int to, uint8_t *numbers) {
  for (int i = 0; i < count; ++i)
    numbers[i] |= uint8_t((bytes[i] >> shift & ((1 << bits) - 1)) << to);
}

/// The inverse of `take`.
void give(const uint8_t *numbers, int count, int shift, int bits, int from, uint8_t *bytes) {
  for (int i = 0; i < count; ++i)
    bytes[i] |= uint8_t((numbers[i] >> from & ((1 << bits) - 1)) << shift);
}

// Where the bits of a format stand is a list of calls of take or of give, with the same places: `move` is
// one of them.

/// Blocks of 32: the first 16 are low nibbles.
template <typename Move, typename Bytes, typename Numbers>
void nibbles(Move move, Bytes *bytes, Numbers *numbers) {
  move(bytes, 16, 0, 4, 0, numbers);
  move(bytes, 16, 4, 4, 0, numbers + 16);
}

/// Low and high nibbles of 32 bytes belong to two groups of 32.
template <typename Move, typename Bytes, typename Numbers>
void nibblesOf256(Move move, Bytes *bytes, Numbers *numbers) {
  for (int j = 0; j < 8; ++j)
    move(bytes + 32 * (j / 2), 32, 4 * (j % 2), 4, 0, numbers + 32 * j);
}

/// Two bits of each of 32 bytes belong to one of four groups of 32.
template <typename Move, typename Bytes, typename Numbers>
void pairsOf256(Move move, Bytes *bytes, int to, Numbers *numbers) {
  for (int j = 0; j < 8; ++j)
    move(bytes + 32 * (j / 4), 32, 2 * (j % 4), 2, to, numbers + 32 * j);
}

/// Bit j of 32 bytes belongs to group j of 32.
template <typename Move, typename Bytes, typename Numbers>
void bitsOf256(Move move, Bytes *bytes, int to, Numbers *numbers) {
  for (int j = 0; j < 8; ++j)
    move(bytes, 32, j, 1, to, numbers + 32 * j);
}

/// Of each half of 128: 64 bytes whose nibbles are the low bits of quarters 0 and 1, then 2 and 3.
template <typename Move, typename Bytes, typename Numbers>
void lowBitsOfQ6(Move move, Bytes *bytes, Numbers *numbers) {
  for (int j = 0; j < 8; ++j)
    move(bytes + 64 * (j / 4) + 32 * (j % 2), 32, 4 * (j / 2 % 2), 4, 0, numbers + 32 * j);
}

/// As inverses of `take`, with its order of arguments.
constexpr auto taking = [](const uint8_t *bytes, int count, int shift, int bits, int to, uint8_t *numbers) {
  take(bytes, count, shift, bits, to, numbers);
};
constexpr auto giving = [](uint8_t *bytes, int count, int shift, int bits, int from, const uint8_t *numbers) {
  give(numbers, count, shift, bits, from, bytes);
};

/// Bit i of 32 is the fifth bit of number i.
void takeFifths(const uint8_t *from, uint8_t *numbers) {
  auto bits = load<uint32_t>(from);
  for (int i = 0; i < 32; ++i)
    numbers[i] |= uint8_t((bits >> i & 1) << 4);
}
void giveFifths(const uint8_t *numbers, uint8_t *to) {
  uint32_t bits = 0;
  for (int i = 0; i < 32; ++i)
    bits |= uint32_t(numbers[i] >> 4 & 1) << i;
  store(to, bits);
}

/// Twelve bytes with eight factors and eight offsets of six bits.
void splitSixBits(const uint8_t *bytes, BlockParts &parts) {
  for (int j = 0; j < 4; ++j) {
    parts.factors[j] = int8_t(bytes[j] & 63);
    parts.offsets[j] = int8_t(bytes[j + 4] & 63);
    parts.factors[j + 4] = int8_t((bytes[j + 8] & 15) | bytes[j] >> 6 << 4);
    parts.offsets[j + 4] = int8_t(bytes[j + 8] >> 4 | bytes[j + 4] >> 6 << 4);
  }
}
void joinSixBits(const BlockParts &parts, uint8_t *bytes) {
  for (int j = 0; j < 4; ++j) {
    int factor = parts.factors[j + 4], offset = parts.offsets[j + 4];
    bytes[j] = uint8_t(parts.factors[j] | factor >> 4 << 6);
    bytes[j + 4] = uint8_t(parts.offsets[j] | offset >> 4 << 6);
    bytes[j + 8] = uint8_t((factor & 15) | (offset & 15) << 4);
  }
}

void splitScaleAndMinimum(const uint8_t *stored, BlockParts &parts, uint16_t sign) {
  parts.scale = load<uint16_t>(stored);
  parts.minimum = load<uint16_t>(stored + 2) ^ sign;
}
void joinScaleAndMinimum(const BlockParts &parts, uint8_t *stored, uint16_t sign) {
  store(stored, parts.scale);
  store(stored + 2, uint16_t(parts.minimum ^ sign));
}

} // namespace

void splitQ8_0(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored);
  std::copy_n(stored + 2, 32, parts.numbers.begin());
}
void joinQ8_0(const BlockParts &parts, uint8_t *stored) {
  store(stored, parts.scale);
  std::copy_n(parts.numbers.begin(), 32, stored + 2);
}

void splitQ4_0(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored);
  std::fill_n(parts.numbers.begin(), 32, uint8_t{0});
  nibbles(taking, stored + 2, parts.numbers.data());
}
void joinQ4_0(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 18, uint8_t{0});
  store(stored, parts.scale);
  nibbles(giving, stored + 2, parts.numbers.data());
}

void splitQ4_1(const uint8_t *stored, BlockParts &parts) {
  splitScaleAndMinimum(stored, parts, 0);
  std::fill_n(parts.numbers.begin(), 32, uint8_t{0});
  nibbles(taking, stored + 4, parts.numbers.data());
}
void joinQ4_1(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 20, uint8_t{0});
  joinScaleAndMinimum(parts, stored, 0);
  nibbles(giving, stored + 4, parts.numbers.data());
}

void splitQ5_0(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored);
  std::fill_n(parts.numbers.begin(), 32, uint8_t{0});
  takeFifths(stored + 2, parts.numbers.data());
  nibbles(taking, stored + 6, parts.numbers.data());
}
void joinQ5_0(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 22, uint8_t{0});
  store(stored, parts.scale);
  giveFifths(parts.numbers.data(), stored + 2);
  nibbles(giving, stored + 6, parts.numbers.data());
}

void splitQ5_1(const uint8_t *stored, BlockParts &parts) {
  splitScaleAndMinimum(stored, parts, 0);
  std::fill_n(parts.numbers.begin(), 32, uint8_t{0});
  takeFifths(stored + 4, parts.numbers.data());
  nibbles(taking, stored + 8, parts.numbers.data());
}
void joinQ5_1(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 24, uint8_t{0});
  joinScaleAndMinimum(parts, stored, 0);
  giveFifths(parts.numbers.data(), stored + 4);
  nibbles(giving, stored + 8, parts.numbers.data());
}

void splitQ2_K(const uint8_t *stored, BlockParts &parts) {
  splitScaleAndMinimum(stored + 80, parts, kSign);
  for (int g = 0; g < 16; ++g) {
    parts.factors[g] = int8_t(stored[g] & 15);
    parts.offsets[g] = int8_t(stored[g] >> 4);
  }
  parts.numbers.fill(0);
  pairsOf256(taking, stored + 16, 0, parts.numbers.data());
}
void joinQ2_K(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 84, uint8_t{0});
  joinScaleAndMinimum(parts, stored + 80, kSign);
  for (int g = 0; g < 16; ++g)
    stored[g] = uint8_t(parts.factors[g] | parts.offsets[g] << 4);
  pairsOf256(giving, stored + 16, 0, parts.numbers.data());
}

// Sixteen factors + 32 of six bits: the low four in nibbles of eight bytes, the high two in four more.
void splitQ3_K(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored + 108);
  const uint8_t *bytes = stored + 96;
  for (int g = 0; g < 16; ++g) {
    int low = bytes[g % 8] >> 4 * (g / 8) & 15, high = bytes[8 + g % 4] >> 2 * (g / 4) & 3;
    parts.factors[g] = int8_t((low | high << 4) - 32);
  }
  parts.numbers.fill(0);
  bitsOf256(taking, stored, 2, parts.numbers.data());
  pairsOf256(taking, stored + 32, 0, parts.numbers.data());
}
void joinQ3_K(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 110, uint8_t{0});
  store(stored + 108, parts.scale);
  uint8_t *bytes = stored + 96;
  for (int g = 0; g < 16; ++g) {
    int factor = parts.factors[g] + 32;
    bytes[g % 8] |= uint8_t((factor & 15) << 4 * (g / 8));
    bytes[8 + g % 4] |= uint8_t(factor >> 4 << 2 * (g / 4));
  }
  bitsOf256(giving, stored, 2, parts.numbers.data());
  pairsOf256(giving, stored + 32, 0, parts.numbers.data());
}

void splitQ4_K(const uint8_t *stored, BlockParts &parts) {
  splitScaleAndMinimum(stored, parts, kSign);
  splitSixBits(stored + 4, parts);
  parts.numbers.fill(0);
  nibblesOf256(taking, stored + 16, parts.numbers.data());
}
void joinQ4_K(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 144, uint8_t{0});
  joinScaleAndMinimum(parts, stored, kSign);
  joinSixBits(parts, stored + 4);
  nibblesOf256(giving, stored + 16, parts.numbers.data());
}

void splitQ5_K(const uint8_t *stored, BlockParts &parts) {
  splitScaleAndMinimum(stored, parts, kSign);
  splitSixBits(stored + 4, parts);
  parts.numbers.fill(0);
  bitsOf256(taking, stored + 16, 4, parts.numbers.data());
  nibblesOf256(taking, stored + 48, parts.numbers.data());
}
void joinQ5_K(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 176, uint8_t{0});
  joinScaleAndMinimum(parts, stored, kSign);
  joinSixBits(parts, stored + 4);
  bitsOf256(giving, stored + 16, 4, parts.numbers.data());
  nibblesOf256(giving, stored + 48, parts.numbers.data());
}

void splitQ6_K(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored + 208);
  std::memcpy(parts.factors.data(), stored + 192, 16);
  parts.numbers.fill(0);
  lowBitsOfQ6(taking, stored, parts.numbers.data());
  pairsOf256(taking, stored + 128, 4, parts.numbers.data());
}
void joinQ6_K(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 210, uint8_t{0});
  store(stored + 208, parts.scale);
  std::memcpy(stored + 192, parts.factors.data(), 16);
  lowBitsOfQ6(giving, stored, parts.numbers.data());
  pairsOf256(giving, stored + 128, 4, parts.numbers.data());
}

// Eight factors + 32 of six bits: the low four in nibbles, the high two in 16 bits.
void splitIQ4_XS(const uint8_t *stored, BlockParts &parts) {
  parts.scale = load<uint16_t>(stored);
  auto high = load<uint16_t>(stored + 2);
  parts.numbers.fill(0);
  for (int j = 0; j < 8; ++j) {
    int low = stored[4 + j / 2] >> 4 * (j % 2) & 15;
    parts.factors[j] = int8_t((low | (high >> 2 * j & 3) << 4) - 32);
    nibbles(taking, stored + 8 + 16 * j, parts.numbers.data() + 32 * j);
  }
}
void joinIQ4_XS(const BlockParts &parts, uint8_t *stored) {
  std::fill_n(stored, 136, uint8_t{0});
  store(stored, parts.scale);
  uint16_t high = 0;
  for (int j = 0; j < 8; ++j) {
    int factor = parts.factors[j] + 32;
    stored[4 + j / 2] |= uint8_t((factor & 15) << 4 * (j % 2));
    high |= uint16_t(factor >> 4 << 2 * j);
    nibbles(giving, stored + 8 + 16 * j, parts.numbers.data() + 32 * j);
  }
  store(stored + 2, high);
}

} // namespace gemmac
