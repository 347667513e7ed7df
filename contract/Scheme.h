//===- Scheme.h - how numbers are stored: one row for each way ------------------------------------------===//
//
// Every list, check, message and test of schemes asks this table. A scheme's numbers stand in blocks. A
// stored block, as files have it, is a float16 scale (where the scheme has one) and then the numbers, all
// little-endian; WeightLayout.h and CacheLayout.h say where the device has them.
//
// Thread safety: all of it is constant.

#ifndef GEMMAC_CONTRACT_SCHEME_H
#define GEMMAC_CONTRACT_SCHEME_H

#include "contract/Plane.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gemmac {

/// Identifies a row of the table; the order means nothing.
enum class Scheme : uint8_t { f32, bf16, f16, q8_0, q4_0 };

struct SchemeRow {
  Scheme scheme;
  std::string_view name; ///< as users, files and IR write it: "q4_0"
  Element element;       ///< of the plane that holds the numbers
  int64_t block;         ///< numbers that share a scale; 1: each stands alone and there is no scale
  int64_t scaleBytes;    ///< of a stored block: its float16 scale, or 0
  int64_t numberBytes;   ///< of a stored block: its numbers
  int bias;              ///< stored number - bias = number: 8 for 4 bits without a sign
  bool weights, caches;  ///< may weights, or keys and values, be stored so?

  /// `count` numbers, whole blocks, to and from their stored form. Results are the same on every machine.
  void (*store)(const float *numbers, int64_t count, uint8_t *stored);
  void (*load)(const uint8_t *stored, int64_t count, float *numbers);
  /// One stored block as integers without bias, and its scale: number = integer * scale. Null where numbers
  /// stand alone.
  void (*integers)(const uint8_t *stored, int8_t *integers, float *scale);

  bool quantized() const { return block > 1; }
  int64_t blockBytes() const { return scaleBytes + numberBytes; }
  double bitsPerNumber() const { return 8.0 * double(blockBytes()) / double(block); }
};

std::span<const SchemeRow> allSchemes();
const SchemeRow &rowOf(Scheme scheme);

inline std::string_view nameOf(Scheme scheme) {
  return rowOf(scheme).name;
}
inline bool isQuantized(Scheme scheme) {
  return rowOf(scheme).quantized();
}

/// Nothing where no row has the name.
std::optional<Scheme> findScheme(std::string_view name);

/// The names of all schemes of weights, or of keys and values: "f32, bf16, q8_0, q4_0".
std::string namesOfSchemes(bool SchemeRow::*use);

/// The numbers that share a scale in every quantized scheme, and of activations.
inline constexpr int64_t kBlock = 32;

/// Bytes of a row of `columns` numbers, whole blocks, in its stored form.
int64_t storedRowBytes(Scheme scheme, int64_t columns);

/// A row to its stored form. q8_0 as GGUF defines it; q4_0 with the scale, among candidates around max / -8,
/// that leaves the smallest squared error: numbers that lie on a q4_0 grid come back exactly.
void storeRow(Scheme scheme, std::span<const float> row, uint8_t *stored);

/// A stored row as float32: the numbers that kernels compute with.
void loadRow(Scheme scheme, const uint8_t *stored, std::span<float> row);

} // namespace gemmac

#endif
