//===- MachineLimits.h - how much this machine can read and multiply, measured --------------------------===//

#ifndef GEMMAC_COMPILER_BENCH_MACHINELIMITS_H
#define GEMMAC_COMPILER_BENCH_MACHINELIMITS_H

#include <string>
#include <vector>

namespace gemmac {

/// A second of this machine; 0 where no loop is written for its CPU.
struct MachineLimits {
  std::vector<double> bytes;  ///< read from memory by 1, 2, … threads
  double integerProducts = 0; ///< of 8-bit numbers, by all threads
  double floatProducts = 0;
};

/// Takes half a second and half a gigabyte, which is given back.
MachineLimits measureMachine(int threads);

/// What the system calls the CPU; empty if it does not say.
std::string cpuName();

} // namespace gemmac

#endif
