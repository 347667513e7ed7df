//===- BlockFormats.h - how files store numbers ---------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H
#define GEMMAC_COMPILER_IMPORT_BLOCKFORMATS_H

#include <cstdint>
#include <string_view>

namespace gemmac {

/// Numbers stand in blocks of one size; plain numbers are blocks of one.
struct BlockFormat {
  std::string_view scheme;
  int64_t numbers; ///< in a block
  int64_t bytes;   ///< of a block
  /// As many numbers of consecutive blocks as `count` says, a multiple of `numbers`. Null: nobody reads them.
  void (*decode)(const uint8_t *blocks, int64_t count, float *out);
};

/// Null for a scheme that nobody has heard of.
const BlockFormat *findBlockFormat(std::string_view scheme);

} // namespace gemmac

#endif
