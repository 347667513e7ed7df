//===- CodebookFormats.h - importance-matrix and ternary formats of GGUF --------------------------------===//
//
// Blocks of 256 numbers with one scale, groups of 16 or 32 with a small factor, and integers: of a codebook
// and with signs of their own (iq1 … iq3), or -1 … 2 (tq). Every number is the exact product
//
//   scale * unit * factor * value

#ifndef GEMMAC_COMPILER_IMPORT_CODEBOOKFORMATS_H
#define GEMMAC_COMPILER_IMPORT_CODEBOOKFORMATS_H

#include "contract/Scheme.h"

namespace gemmac {

inline constexpr int64_t kCodedNumbers = 256;

/// A block taken apart.
struct CodedBlock {
  uint16_t scale = 0;                ///< bits of float16
  std::array<uint8_t, 16> factors{}; ///< of each 16 numbers: odd, 1 … 31
  std::array<int8_t, kCodedNumbers> values{};
};

/// Unit of the values of iq1 and iq2, and of iq3_xxs; all others have 1.
inline constexpr float kEighth = 0.125f, kHalf = 0.5f;

void readIq1S(const uint8_t *block, CodedBlock &coded);
void readIq1M(const uint8_t *block, CodedBlock &coded);
void readIq2Xxs(const uint8_t *block, CodedBlock &coded);
void readIq2Xs(const uint8_t *block, CodedBlock &coded);
void readIq2S(const uint8_t *block, CodedBlock &coded);
void readIq3Xxs(const uint8_t *block, CodedBlock &coded);
void readIq3S(const uint8_t *block, CodedBlock &coded);
void readTq1_0(const uint8_t *block, CodedBlock &coded);
void readTq2_0(const uint8_t *block, CodedBlock &coded);

/// The 256 numbers.
void decode(const CodedBlock &coded, float unit, float *numbers);

/// Stores the same products in a quantized scheme that has such values, factors and groups. What is rounded
/// is scale * unit, where float16 does not have it: a few bits are lost below 2^-14. A scheme without factors
/// has their product with the scale, with 11 bits.
void convert(const CodedBlock &coded, float unit, const SchemeRow &to, uint8_t *stored);

} // namespace gemmac

#endif
