//===- BlockFormats.h - how files store numbers ---------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H
#define GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H

#include "contract/Scheme.h"

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
  /// Writes `count` numbers, whole blocks of both, in the scheme that holds them (contract/HoldingScheme.h):
  /// integers and factors are those of the file, only steps are rounded where float16 has them not. Null: the
  /// scheme is the same, or only numbers are known to it (storeRow).
  void (*convert)(const uint8_t *blocks, int64_t count, const SchemeRow &to, uint8_t *stored) = nullptr;
};

/// Null for an unknown scheme.
const BlockFormat *findBlockFormat(std::string_view scheme);

/// The names of all schemes that have a decoder: "f32, bf16, …, mxfp4".
std::string namesOfReadableFormats();

} // namespace gemmac

#endif
