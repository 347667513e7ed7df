//===- BenchedProgram.h - an emitted program that answers --bench commands ------------------------------===//

#ifndef GEMMAC_COMPILER_BENCH_BENCHEDPROGRAM_H
#define GEMMAC_COMPILER_BENCH_BENCHEDPROGRAM_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gemmac {

/// One step of a traced command. Times are seconds since the command began.
struct TracedStep {
  struct Call {
    double begin, end;
  };
  std::string phase; ///< "prefill", "decode", "score"
  int64_t tokens = 0, position = 0;
  double begin = 0, end = 0;
  std::vector<Call> calls; ///< in the order of the plan
};

struct Timed {
  double seconds = 0;
  double disturbed = 0; ///< fraction of all CPUs' time that other processes took meanwhile
  std::vector<TracedStep> steps;
};

/// A running process; runtime/program/Bench.h says what it understands.
class BenchedProgram {
public:
  static llvm::Expected<BenchedProgram> start(const std::vector<std::string> &command);
  BenchedProgram(BenchedProgram &&other);
  BenchedProgram &operator=(BenchedProgram &&) = delete;
  ~BenchedProgram(); ///< ends it

  llvm::Error forget();
  llvm::Expected<Timed> prompt(int64_t tokens, bool trace = false);
  llvm::Expected<Timed> generate(int64_t tokens, bool trace = false);
  llvm::Expected<uint64_t> dirtyBytes();

private:
  BenchedProgram() = default;
  llvm::Expected<Timed> timed(const std::string &command, bool trace);
  /// The line of the answer, unless it is an error.
  llvm::Expected<std::string> ask(const std::string &command);

  pid_t process = -1;
  FILE *commands = nullptr, *answers = nullptr;
};

} // namespace gemmac

#endif
