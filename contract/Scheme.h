//===- Scheme.h - how numbers are stored: one row per format --------------------------------------------===//
//
// Every list, check, message and test of schemes reads this table. A quantized scheme stores numbers in
// blocks, as GGUF files do: block_q4_0, block_q6_K and so on. Blocks are taken apart into BlockParts, from
// which WeightLayout.h makes what a device reads. The number at i of a block is, in float32,
//
//   step = scale * factors[g]    (exact; without factors: scale)
//   step * value(numbers[i]) + minimum * offsets[g]    (the second product only if there are minimums)
//
// for the group g that i is in. The value of a stored number is what a table says or the number minus a bias.
//
// Thread safety: all of it is constant.

#ifndef GEMMAC_CONTRACT_SCHEME_H
#define GEMMAC_CONTRACT_SCHEME_H

#include "contract/Plane.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gemmac {

/// Identifies a row of the table; the order means nothing.
enum class Scheme : uint8_t {
  f32,
  bf16,
  f16,
  q8_0,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  iq4_nl,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  iq4_xs
};

/// Numbers that share a scale in quantized activations. Blocks of weights hold one or eight times as many.
inline constexpr int64_t kBlock = 32;

/// The most numbers of a stored block, and the most groups.
inline constexpr int64_t kMostNumbers = 256, kMostGroups = 16;

/// A stored block taken apart.
struct BlockParts {
  uint16_t scale = 0, minimum = 0; ///< bits of float16
  std::array<int8_t, kMostGroups> factors{}, offsets{};
  std::array<uint8_t, kMostNumbers> numbers{}; ///< as stored, with their bias; int8 as its bits
};

struct SchemeRow {
  Scheme scheme;
  std::string_view name; ///< as users, files and IR write it: "q4_0"
  Element element;       ///< of the plane that holds the numbers, or all but their highest bits
  int64_t block;         ///< numbers of a stored block; 1: there are no blocks
  int64_t blockBytes;
  bool weights, caches; ///< may weights, or keys and values, use this scheme?

  /// Convert `count` numbers (whole blocks) to and from their stored form. All machines give the same bits.
  void (*store)(const float *numbers, int64_t count, uint8_t *stored);
  void (*load)(const uint8_t *stored, int64_t count, float *numbers);

  // Of quantized schemes.
  int64_t group = 1;              ///< numbers that share a step: 16 or 32
  int bits = 0, highBits = 0;     ///< of a number: in the first plane, and above these, in a second one
  int bias = 0;                   ///< stored number - bias = value
  const int8_t *values = nullptr; ///< 16 values, which stored numbers are the indices of; null: no table
  int mostFactor = 0;             ///< the largest factor of the block's scale that a group has; 0: no factors
  Scheme inSmallBlocks = Scheme::bf16; ///< of blocks of 256: the nearest with blocks of 32, for other rows
  bool hasMinimum = false;             ///< there is a minimum, and offsets where there are factors (or 1)
  void (*split)(const uint8_t *stored, BlockParts &parts) = nullptr;
  void (*join)(const BlockParts &parts, uint8_t *stored) = nullptr;

  bool quantized() const { return block > 1; }
  bool hasFactors() const { return mostFactor != 0; }
  double bitsPerNumber() const { return 8.0 * double(blockBytes) / double(block); }
  int numberBits() const { return bits + highBits; }
  /// The value that a stored number, an index where there is a table, stands for.
  int valueOf(uint8_t number) const {
    return values ? values[number] : bits == 8 ? int8_t(number) : int(number) - bias;
  }
  /// Groups of 32 numbers: 1 or 2.
  int64_t groupsOf32() const { return kBlock / group; }
  /// 8-bit factors and offsets of 32 numbers.
  int64_t factorsOf32() const { return hasFactors() ? groupsOf32() * (hasMinimum ? 2 : 1) : 0; }
};

std::span<const SchemeRow> allSchemes();
const SchemeRow &rowOf(Scheme scheme);

inline std::string_view nameOf(Scheme scheme) {
  return rowOf(scheme).name;
}
inline bool isQuantized(Scheme scheme) {
  return rowOf(scheme).quantized();
}

/// Empty if no row has this name.
std::optional<Scheme> findScheme(std::string_view name);

/// The names of all schemes for weights, or for keys and values: "f32, bf16, q8_0, …".
std::string namesOfSchemes(bool SchemeRow::*use);

/// Stored bytes of a row of `columns` numbers (whole blocks).
int64_t storedRowBytes(Scheme scheme, int64_t columns);

/// Converts a row to its stored form. q8_0 is as GGUF defines it. The others take scales and minimums with a
/// small squared error (StoreBlocks.h): numbers that are on a q4_0 grid already stay exact.
void storeRow(Scheme scheme, std::span<const float> row, uint8_t *stored);

/// Converts a stored row to float32, the numbers that kernels compute with.
void loadRow(Scheme scheme, const uint8_t *stored, std::span<float> row);

/// Step and offset of group g of a block, both exact: number = step * value + offset.
struct GroupStep {
  float step, offset;
};
GroupStep stepOf(const SchemeRow &scheme, const BlockParts &parts, int64_t g);

} // namespace gemmac

#endif
