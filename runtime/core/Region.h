//===- Region.h - parts of one piece of memory ----------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_REGION_H
#define GEMMAC_RUNTIME_CORE_REGION_H

#include "gemmac/gemmac.h"

#include <stddef.h>
#include <stdint.h>

namespace gemmac {

inline constexpr size_t kRegionAlignment = 64;

/// Hands out parts one after the other. Over null it only counts, so that one function both measures and lays
/// out.
class Carver {
public:
  explicit Carver(void *memory) : base(static_cast<uint8_t *>(memory)) {}

  template <typename T>
  T *take(uint64_t count) {
    uint64_t bytes, begin = used;
    overflow |= __builtin_mul_overflow(count, uint64_t{sizeof(T)}, &bytes);
    overflow |= __builtin_add_overflow(bytes, uint64_t{kRegionAlignment - 1}, &bytes);
    overflow |= __builtin_add_overflow(used, bytes / kRegionAlignment * kRegionAlignment, &used);
    return base && !overflow ? reinterpret_cast<T *>(base + begin) : nullptr;
  }

  /// Bytes handed out; more than any machine has if they don't fit 64 bits.
  uint64_t bytes() const { return overflow ? UINT64_MAX : used; }

private:
  uint8_t *base;
  uint64_t used = 0;
  bool overflow = false;
};

/// Memory that a handle lives in: the caller's, or pages of its own.
struct Region {
  void *memory = nullptr;
  size_t ownBytes = 0; ///< 0: the caller's

  gemmac_status take(const char *what, void *given, size_t givenBytes, uint64_t needed, gemmac_error *error);
  void giveBack();
};

} // namespace gemmac

#endif
