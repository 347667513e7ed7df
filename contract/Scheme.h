//===- Scheme.h - how numbers are stored: one row per format --------------------------------------------===//
//
// Every list, check, message and test of schemes reads this table. A scheme stores numbers in blocks. A
// stored block, as in files, is a float16 scale (if the scheme has one) followed by the numbers, all
// little-endian; WeightLayout.h and CacheLayout.h define their order on the device.
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
  int64_t block;         ///< numbers that share a scale; 1: there is no scale
  int64_t scaleBytes;    ///< bytes of a stored block's float16 scale, or 0
  int64_t numberBytes;   ///< bytes of a stored block's numbers
  int bias;              ///< stored number - bias = number: 8 for 4 bits without a sign
  bool weights, caches;  ///< may weights, or keys and values, use this scheme?

  /// Convert `count` numbers (whole blocks) to and from their stored form. All machines give the same bits.
  void (*store)(const float *numbers, int64_t count, uint8_t *stored);
  void (*load)(const uint8_t *stored, int64_t count, float *numbers);
  /// Splits one stored block into integers without bias and a scale: number = integer * scale. Null for
  /// schemes without a scale.
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

/// Empty if no row has this name.
std::optional<Scheme> findScheme(std::string_view name);

/// The names of all schemes for weights, or for keys and values: "f32, bf16, q8_0, q4_0".
std::string namesOfSchemes(bool SchemeRow::*use);

/// Block size: how many numbers share a scale in every quantized scheme and in quantized activations.
inline constexpr int64_t kBlock = 32;

/// Stored bytes of a row of `columns` numbers (whole blocks).
int64_t storedRowBytes(Scheme scheme, int64_t columns);

/// Converts a row to its stored form. q8_0 is as GGUF defines it; q4_0 takes the scale, among candidates
/// around max / -8, with the smallest squared error: numbers that are on a q4_0 grid already stay exact.
void storeRow(Scheme scheme, std::span<const float> row, uint8_t *stored);

/// Converts a stored row to float32, the numbers that kernels compute with.
void loadRow(Scheme scheme, const uint8_t *stored, std::span<float> row);

} // namespace gemmac

#endif
