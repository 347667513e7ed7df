//===- BlockFormats.h - how files store numbers ---------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H
#define GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H

#include <cstdint>
#include <string>
#include <string_view>

namespace gemmac {

/// A scheme stores numbers in blocks of a fixed size; unblocked numbers are blocks of one.
struct BlockFormat {
  std::string_view scheme;
  int64_t numbers; ///< in a block
  int64_t bytes;   ///< of a block
  /// Decodes `count` numbers, a multiple of `numbers`, from consecutive blocks. Null: there is no decoder.
  void (*decode)(const uint8_t *blocks, int64_t count, float *out);
};

/// Null for an unknown scheme.
const BlockFormat *findBlockFormat(std::string_view scheme);

/// The names of all schemes that have a decoder: "f32, bf16, …, mxfp4".
std::string namesOfReadableFormats();

} // namespace gemmac

#endif
