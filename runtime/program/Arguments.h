//===- Arguments.h - the command line of an emitted program ---------------------------------------------===//

#ifndef GEMMAC_RUNTIME_PROGRAM_ARGUMENTS_H
#define GEMMAC_RUNTIME_PROGRAM_ARGUMENTS_H

#include "gemmac/gemmac.h"

namespace gemmac::program {

/// What main returns.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2 };

/// A number that may not have been given: then the model's own default holds.
template <typename T>
struct Given {
  bool given = false;
  T value = {};
  T orElse(T other) const { return given ? value : other; }
};

struct Arguments {
  const char *prompt = nullptr;  ///< text; "-": from standard input
  const char *idsFile = nullptr; ///< instead of a prompt; "-": from standard input
  const char *weights = nullptr;
  const char *logits = nullptr; ///< score and write this file instead of generating
  uint32_t predict = 128;
  bool endless = false; ///< until a stop token comes or the context is full
  uint32_t threads = 0, chunk = 0;
  Given<float> temperature, topP, minP, repetitionPenalty;
  Given<uint32_t> topK;
  Given<uint64_t> seed;
  bool printIds = false, ignoreStop = false, noBos = false, verify = false, stats = false;
  bool bench = false; ///< answer commands instead
  bool help = false, version = false;
};

/// kDone, or kUsage after a line on standard error about what does not fit.
ExitCode parse(int count, char **words, Arguments &arguments);

void printHelp(const gemmac_model &model);

} // namespace gemmac::program

#endif
