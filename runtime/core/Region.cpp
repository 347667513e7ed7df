#include "runtime/core/Region.h"

#include "runtime/core/Status.h"
#include "runtime/platform/Platform.h"

#include <inttypes.h>

namespace gemmac {

gemmac_status Region::take(const char *what, void *given, size_t givenBytes, uint64_t needed,
                           gemmac_error *error) {
  if (given) {
    if (reinterpret_cast<uintptr_t>(given) % kRegionAlignment)
      return fail(error, GEMMAC_INVALID_ARGUMENT, "memory for %s is not aligned to %zu bytes", what,
                  kRegionAlignment);
    if (givenBytes < needed)
      return fail(error, GEMMAC_OUT_OF_MEMORY, "memory for %s has %zu bytes and needs %" PRIu64, what,
                  givenBytes, needed);
    memory = given;
    ownBytes = 0;
    return GEMMAC_OK;
  }
  void *pages = needed <= PTRDIFF_MAX ? platform::takePages(needed) : nullptr;
  if (!pages)
    return fail(error, GEMMAC_OUT_OF_MEMORY, "the system refuses %" PRIu64 " bytes for %s", needed, what);
  memory = pages;
  ownBytes = needed;
  return GEMMAC_OK;
}

void Region::giveBack() {
  // This object may lie inside the region.
  Region copy = *this;
  *this = {};
  if (copy.ownBytes)
    platform::givePagesBack(copy.memory, copy.ownBytes);
}

} // namespace gemmac
