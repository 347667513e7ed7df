//===- Bench.h - how fast a compiled model is on this machine -------------------------------------------===//
//
// Every measurement is compared with the machine's own limits: the bytes that a step must read and the
// multiply-adds that it must do come from the plan; bandwidth and peak of the machine are measured in the
// same run, before and after.

#ifndef GEMMAC_COMPILER_BENCH_BENCH_H
#define GEMMAC_COMPILER_BENCH_BENCH_H

#include "compiler/PreparedModel.h"
#include "compiler/bench/BenchedProgram.h"
#include "compiler/bench/MachineLimits.h"
#include "compiler/package/PlannedCalls.h"

namespace gemmac {

struct BenchOptions {
  ModelRequest model;
  int64_t prompt = 512;              ///< tokens of a prompt; 0: none is measured
  int64_t generate = 64;             ///< tokens to generate; 0: none are
  std::vector<int64_t> depths = {0}; ///< tokens already in the caches
  int threads = 0;                   ///< 0: one a CPU
  int repetitions = 5;
  bool kernels = false; ///< adds a run of every test in which each kernel is timed
  bool trace = false;   ///< keeps the last prefill and decode step of such runs
  std::function<void(const std::string &test, int64_t depth)> progress; ///< before each; may be empty
};

/// One kernel with one weight, over all of its calls in a test.
struct KernelTime {
  std::string test, kernel, weight;
  int64_t depth = 0, calls = 0;
  double seconds = 0;
  Work work;
};

/// "pp512" or "tg64" at a depth.
struct BenchedTest {
  std::string name;
  int64_t tokens = 0, depth = 0;
  std::vector<double> seconds; ///< one for each repetition
  double disturbed = 0;        ///< worst repetition: fraction of CPU time that other processes took
  Work work;                   ///< of one repetition

  double tokensPerSecond() const; ///< mean over the repetitions
  double deviation() const;       ///< of the samples
  double meanSeconds() const;
};

/// A traced step, its calls matched with the plan's.
struct NamedStep {
  struct Call {
    const PlannedCall *planned; ///< of the report's phases
    int64_t layer;              ///< -1: none
  };
  TracedStep step;
  std::vector<Call> calls; ///< one for each of the step
};

struct BenchReport {
  std::string name, target, scheme, cacheScheme, cpu;
  int threads = 0;
  uint64_t weightBytes = 0;
  MachineLimits before, after;
  std::vector<PlannedPhase> phases;
  std::vector<BenchedTest> tests;
  std::vector<KernelTime> kernels;
  std::vector<NamedStep> trace;
  uint64_t plannedBytes = 0; ///< of memory, at most
  uint64_t dirtyBytes = 0;   ///< of the program, after all tests

  /// Means of before and after.
  double bytesPerSecond() const;
  double integerProductsPerSecond() const;
  double floatProductsPerSecond() const;
  /// Fraction of the machine's limits that this work in so many seconds reaches; 0 where the limit is
  /// unknown.
  double ofBandwidth(const Work &work, double seconds) const;
  double ofPeak(const Work &work, double seconds) const;
};

llvm::FailureOr<BenchReport> bench(const BenchOptions &options, const Report &report);

} // namespace gemmac

#endif
