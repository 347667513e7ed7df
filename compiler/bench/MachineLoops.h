//===- MachineLoops.h - loops that do one thing as fast as this CPU can ---------------------------------===//
//
// One file per CPU architecture, chosen when gemmac is built; instruction sets are chosen at run time.

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

/// Several ways to read: which is the fastest depends on the machine.
std::vector<ReadLoop> readLoops();
/// For 8-bit integers and for float32. Empty where there is none for this CPU.
std::vector<ProductLoop> integerLoops();
std::vector<ProductLoop> floatLoops();

} // namespace gemmac

#endif
