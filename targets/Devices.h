//===- Devices.h - the machines that there are rows for -------------------------------------------------===//

#ifndef GEMMAC_TARGETS_DEVICES_H
#define GEMMAC_TARGETS_DEVICES_H

#include "contract/Target.h"

#include <string_view>

namespace gemmac {

/// All rows, in the order in which `gemmac targets` lists them.
const std::vector<Target> &allTargets();

/// The row of that name, or of the machine that this runs on for "host"; null if there is none.
const Target *findTarget(std::string_view name);

/// Names of all rows and "host", separated by commas: for error messages.
std::string targetNames();

} // namespace gemmac

#endif
