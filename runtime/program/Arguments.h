//===- Arguments.h - the command line of an emitted program ---------------------------------------------===//

#ifndef GEMMAC_RUNTIME_PROGRAM_ARGUMENTS_H
#define GEMMAC_RUNTIME_PROGRAM_ARGUMENTS_H

#include "gemmac/gemmac.h"

#include "runtime/program/Options.h"

namespace gemmac::program {

/// What main returns.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2 };

/// kDone, or kUsage after a line on standard error about what does not fit.
ExitCode parse(int count, char **words, Arguments &arguments);

void printHelp(const gemmac_model &model);

} // namespace gemmac::program

#endif
