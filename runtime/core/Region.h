//===- Region.h - the piece of memory that a handle lives in --------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_REGION_H
#define GEMMAC_RUNTIME_CORE_REGION_H

#include "gemmac/gemmac.h"

#include <stddef.h>
#include <stdint.h>

namespace gemmac {

inline constexpr size_t kRegionAlignment = 64;

/// The memory of a handle: the caller's, or pages allocated for it.
struct Region {
  void *memory = nullptr;
  size_t ownBytes = 0; ///< 0: the caller's

  gemmac_status take(const char *what, void *given, size_t givenBytes, uint64_t needed, gemmac_error *error);
  void giveBack();
};

} // namespace gemmac

#endif
