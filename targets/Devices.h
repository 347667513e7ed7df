//===- Devices.h - the table of target machines ---------------------------------------------------------===//

#ifndef GEMMAC_TARGETS_DEVICES_H
#define GEMMAC_TARGETS_DEVICES_H

#include "contract/Target.h"

#include <string_view>

namespace gemmac {

/// All rows, in the order in which `gemmac targets` lists them.
const std::vector<Target> &allTargets();

/// The row with this name; for "host", that of the machine that this process runs on. Null if there is none.
const Target *findTarget(std::string_view name);

/// Names of all rows and "host", separated by commas: for error messages.
std::string targetNames();

} // namespace gemmac

#endif
