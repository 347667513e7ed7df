//===- Devices.h - the 64-bit ARM machines --------------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_ARM_DEVICES_H
#define GEMMAC_TARGETS_ARM_DEVICES_H

#include "targets/Devices.h"

namespace gemmac::arm {

/// Rows from the least to the most able: a machine runs the last generic one whose features it has.
const std::vector<Target> &devices();

} // namespace gemmac::arm

#endif
