//===- Status.h - how the runtime says what went wrong --------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_STATUS_H
#define GEMMAC_RUNTIME_CORE_STATUS_H

#include "gemmac/gemmac.h"

namespace gemmac {

/// Writes the sentence, control characters made visible as '?', and returns the status. A null error is left
/// alone.
gemmac_status fail(gemmac_error *error, gemmac_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

} // namespace gemmac

#endif
