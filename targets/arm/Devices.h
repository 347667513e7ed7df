//===- Devices.h - the 64-bit ARM machines --------------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_ARM_DEVICES_H
#define GEMMAC_TARGETS_ARM_DEVICES_H

#include "targets/Devices.h"

namespace gemmac::arm {

/// Rows in ascending order of features: a machine runs the last generic row whose features it has.
const std::vector<Target> &devices();

} // namespace gemmac::arm

#endif
