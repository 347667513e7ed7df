//===- Emulator.h - calls kernels of another machine ----------------------------------------------------===//

#ifndef GEMMAC_TEST_KERNELS_EMULATOR_H
#define GEMMAC_TEST_KERNELS_EMULATOR_H

#include "CallKernel.h"

#include <string>
#include <vector>

namespace gemmac::test {

/// Calls a kernel of a library with the arguments' memory, which afterwards is as the kernel left it. What
/// goes wrong is a failure of the test. `folder` is for a file. From one thread at a time.
void emulate(const std::string &library, const std::string &symbol, const std::vector<Buffer> &arguments,
             const std::string &folder);

} // namespace gemmac::test

#endif
