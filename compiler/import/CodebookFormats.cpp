//===- CodebookFormats.cpp - importance-matrix and ternary formats of GGUF ------------------------------===//

#include "compiler/import/CodebookFormats.h"
#include "compiler/import/Codebooks.h"
#include "contract/SmallFloats.h"

#include <bit>
#include <cassert>
#include <cstring>

namespace gemmac {
namespace {

// Nothing in a file is aligned: every number is loaded through memcpy, which costs no instruction.
template <typename Bits>
Bits load(const uint8_t *from) {
  Bits bits;
  std::memcpy(&bits, from, sizeof(Bits));
  return bits;
}

int nibble(const uint8_t *bytes, int index) {
  return bytes[index / 2] >> 4 * (index % 2) & 15;
}

/// Numbers n are negative where bit n of `signs` is set.
template <size_t Numbers>
void writeSigned(const std::array<int8_t, Numbers> &entry, unsigned signs, int8_t *values) {
  for (size_t n = 0; n < Numbers; ++n)
    values[n] = int8_t(signs >> n & 1 ? -entry[n] : entry[n]);
}

/// Seven signs are stored; the eighth makes the number of negative ones even.
unsigned eightSigns(unsigned seven) {
  return seven | unsigned(std::popcount(seven) & 1) << 7;
}

/// Values 8 (c ± 1/8) of codes c.
void writeShifted(const std::array<int8_t, 8> &entry, bool down, int8_t *values) {
  for (int n = 0; n < 8; ++n)
    values[n] = int8_t(8 * entry[size_t(n)] + (down ? -1 : 1));
}

/// A digit -1, 0 or 1 of a byte that holds the fraction 0.ddddd to the base of 3, in 256ths and rounded up:
/// times a power of three the digit is the whole part of three times the fraction.
int8_t ternary(uint8_t byte, int power) {
  return int8_t((uint8_t(byte * power) * 3 >> 8) - 1);
}

} // namespace

// f16 scale; u8 low bits of 32 indices; of each 32 numbers u16: 3 high bits of four indices, the factor's 3
// bits, the sign of the shift.
void readIq1S(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int group = 0; group < 8; ++group) {
    unsigned high = load<uint16_t>(block + 34 + 2 * group);
    coded.factors[2 * group] = coded.factors[2 * group + 1] = uint8_t(2 * (high >> 12 & 7) + 1);
    for (int l = 0; l < 4; ++l) {
      unsigned index = block[2 + 4 * group + l] | (high >> 3 * l & 7) << 8;
      writeShifted(kCodesOfIq1[index], high >> 15, &coded.values[32 * group + 8 * l]);
    }
  }
}

// u8 low bits of 32 indices; of each index in four bits its 3 high bits and the sign of its shift; four u16
// with three bits of 16 factors, and in their highest four bits the f16 scale.
void readIq1M(const uint8_t *block, CodedBlock &coded) {
  const uint8_t *scales = block + 48;
  unsigned scale = 0;
  for (int i = 0; i < 4; ++i)
    scale |= unsigned(load<uint16_t>(scales + 2 * i) >> 12) << 4 * i;
  coded.scale = uint16_t(scale);
  for (int group = 0; group < 16; ++group)
    coded.factors[group] = uint8_t(2 * (load<uint16_t>(scales + group / 4 * 2) >> 3 * (group % 4) & 7) + 1);
  for (int i = 0; i < 32; ++i) {
    int high = nibble(block + 32, i);
    writeShifted(kCodesOfIq1[size_t(block[i] | (high & 7) << 8)], high & 8, &coded.values[8 * i]);
  }
}

// f16 scale; of each 32 numbers four u8 indices, and u32: four times seven signs, the factor's 4 bits.
void readIq2Xxs(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int group = 0; group < 8; ++group) {
    const uint8_t *indices = block + 2 + 8 * group;
    auto bits = load<uint32_t>(indices + 4);
    coded.factors[2 * group] = coded.factors[2 * group + 1] = uint8_t(2 * (bits >> 28) + 1);
    for (int l = 0; l < 4; ++l)
      writeSigned(kCodesOfIq2Xxs[indices[l]], eightSigns(bits >> 7 * l & 127),
                  &coded.values[32 * group + 8 * l]);
  }
}

// f16 scale; 32 times u16: 9 bits of index, 7 signs; 16 factors of four bits.
void readIq2Xs(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int i = 0; i < 32; ++i) {
    unsigned bits = load<uint16_t>(block + 2 + 2 * i);
    writeSigned(kCodesOfIq2Xs[bits & 511], eightSigns(bits >> 9), &coded.values[8 * i]);
  }
  for (int group = 0; group < 16; ++group)
    coded.factors[group] = uint8_t(2 * nibble(block + 66, group) + 1);
}

// f16 scale; u8 low bits of 32 indices; 32 times eight signs; two high bits of the indices; 16 factors of
// four bits.
void readIq2S(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int i = 0; i < 32; ++i) {
    unsigned high = block[66 + i / 4] >> 2 * (i % 4) & 3;
    writeSigned(kCodesOfIq2S[block[2 + i] | high << 8], block[34 + i], &coded.values[8 * i]);
  }
  for (int group = 0; group < 16; ++group)
    coded.factors[group] = uint8_t(2 * nibble(block + 74, group) + 1);
}

// f16 scale; 64 u8 indices of four numbers; of each 32 numbers u32: four times seven signs of eight numbers,
// the factor's 4 bits.
void readIq3Xxs(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int group = 0; group < 8; ++group) {
    auto bits = load<uint32_t>(block + 66 + 4 * group);
    coded.factors[2 * group] = coded.factors[2 * group + 1] = uint8_t(2 * (bits >> 28) + 1);
    for (int l = 0; l < 4; ++l) {
      const uint8_t *indices = block + 2 + 8 * group + 2 * l;
      unsigned signs = eightSigns(bits >> 7 * l & 127);
      writeSigned(kCodesOfIq3Xxs[indices[0]], signs, &coded.values[32 * group + 8 * l]);
      writeSigned(kCodesOfIq3Xxs[indices[1]], signs >> 4, &coded.values[32 * group + 8 * l + 4]);
    }
  }
}

// f16 scale; u8 low bits of 64 indices of four numbers; their high bits; 256 signs; 8 factors of four bits.
void readIq3S(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block);
  for (int i = 0; i < 64; ++i) {
    unsigned high = block[66 + i / 8] >> i % 8 & 1, signs = block[74 + i / 2] >> 4 * (i % 2);
    writeSigned(kCodesOfIq3S[block[2 + i] | high << 8], signs, &coded.values[4 * i]);
  }
  for (int group = 0; group < 16; ++group)
    coded.factors[group] = uint8_t(2 * nibble(block + 106, group / 2) + 1);
}

// 48 + 4 bytes of five and four ternary digits, the first digits of 32, 16 or 4 bytes first; f16 scale.
void readTq1_0(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block + 52);
  coded.factors.fill(1);
  int8_t *values = coded.values.data();
  const auto take = [&](const uint8_t *bytes, int count, int digits) {
    for (int digit = 0, power = 1; digit < digits; ++digit, power *= 3)
      for (int i = 0; i < count; ++i)
        *values++ = ternary(bytes[i], power);
  };
  take(block, 32, 5);
  take(block + 32, 16, 5);
  take(block + 48, 4, 4);
}

// Two bits of each of 32 bytes belong to one of four groups of 32; f16 scale.
void readTq2_0(const uint8_t *block, CodedBlock &coded) {
  coded.scale = load<uint16_t>(block + 64);
  coded.factors.fill(1);
  for (int i = 0; i < kCodedNumbers; ++i)
    coded.values[size_t(i)] = int8_t((block[i / 128 * 32 + i % 32] >> 2 * (i / 32 % 4) & 3) - 1);
}

void decode(const CodedBlock &coded, float unit, float *numbers) {
  float scale = fromHalf(coded.scale) * unit;
  for (int i = 0; i < kCodedNumbers; ++i)
    numbers[i] = scale * float(coded.factors[size_t(i / 16)]) * float(coded.values[size_t(i)]);
}

void convert(const CodedBlock &coded, float unit, const SchemeRow &to, uint8_t *stored) {
  float scale = fromHalf(coded.scale) * unit;
  for (int64_t start = 0; start < kCodedNumbers; start += to.block, stored += to.blockBytes) {
    BlockParts parts;
    const uint8_t *factors = &coded.factors[size_t(start / 16)];
    parts.scale = toHalf(to.hasFactors() ? scale : scale * float(*factors));
    // -1 becomes 0: one step is subtracted from all.
    int shift = to.hasMinimum ? 1 : to.bias;
    if (to.hasMinimum)
      parts.minimum = parts.scale ^ 0x8000;
    for (int64_t g = 0; g < to.block / to.group; ++g) {
      uint8_t factor = factors[g * to.group / 16];
      assert(factor == factors[(g + 1) * to.group / 16 - 1] && "a group has one factor");
      assert((!to.hasFactors() || factor <= to.mostFactor) && "the scheme has such factors");
      parts.factors[size_t(g)] = parts.offsets[size_t(g)] = int8_t(factor);
    }
    for (int64_t i = 0; i < to.block; ++i) {
      int value = coded.values[size_t(start + i)];
      parts.numbers[size_t(i)] = uint8_t(value + shift);
      assert(to.valueOf(parts.numbers[size_t(i)]) == value + shift - to.bias && "the scheme has such values");
    }
    to.join(parts, stored);
  }
}

} // namespace gemmac
