//===- MachineLimits.h - how much this machine can read and multiply, measured --------------------------===//

#ifndef GEMMAC_COMPILER_BENCH_MACHINELIMITS_H
#define GEMMAC_COMPILER_BENCH_MACHINELIMITS_H

#include <string>
#include <vector>

namespace gemmac {

/// Limits of this machine, per second; 0 where there is no loop for its CPU.
struct MachineLimits {
  std::vector<double> bytes;  ///< read from memory by 1, 2, … threads
  double integerProducts = 0; ///< of 8-bit numbers, by all threads
  double floatProducts = 0;
};

/// Takes half a second and, meanwhile, half a gigabyte.
MachineLimits measureMachine(int threads);

/// The CPU's name according to the OS; empty if unknown.
std::string cpuName();

} // namespace gemmac

#endif
