//===- Devices.h - the x86-64 machines ------------------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_X86_DEVICES_H
#define GEMMAC_TARGETS_X86_DEVICES_H

#include "targets/Devices.h"

namespace gemmac::x86 {

/// Rows in ascending order of features: a machine runs the last generic row whose features it has.
const std::vector<Target> &devices();

} // namespace gemmac::x86

#endif
