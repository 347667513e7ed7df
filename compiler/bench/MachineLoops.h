//===- MachineLoops.h - loops that do one thing as fast as this CPU can ---------------------------------===//
//
// One file a family of CPUs, chosen when gemmac is built; within it, what this CPU has, when it runs.

#ifndef GEMMAC_COMPILER_BENCH_MACHINELOOPS_H
#define GEMMAC_COMPILER_BENCH_MACHINELOOPS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gemmac {

/// Reads all bytes, aligned to 64 and a multiple of 4096, and returns a number that depends on each.
using ReadLoop = uint64_t (*)(const uint8_t *bytes, size_t size);

/// Multiplies and adds in registers.
struct ProductLoop {
  void (*run)();
  double products; ///< of one run
};

/// Ways to read; which is the fastest differs from machine to machine.
std::vector<ReadLoop> readLoops();
/// Of 8-bit integers and of float32 numbers. Empty where none is written for this CPU.
std::vector<ProductLoop> integerLoops();
std::vector<ProductLoop> floatLoops();

} // namespace gemmac

#endif
