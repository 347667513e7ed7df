//===- MachineLoopsGeneric.cpp - loops for CPUs that have no file of their own --------------------------===//

#include "compiler/bench/MachineLoops.h"

namespace gemmac {

static uint64_t readWords(const uint8_t *bytes, size_t size) {
  uint64_t sums[8] = {};
  const auto *words = reinterpret_cast<const uint64_t *>(bytes);
  for (size_t i = 0; i < size / sizeof(uint64_t); i += 8)
    for (int lane = 0; lane < 8; ++lane)
      sums[lane] ^= words[i + lane];
  uint64_t sum = 0;
  for (uint64_t lane : sums)
    sum ^= lane;
  return sum;
}

std::vector<ReadLoop> readLoops() {
  return {readWords};
}
std::vector<ProductLoop> integerLoops() {
  return {};
}
std::vector<ProductLoop> floatLoops() {
  return {};
}

} // namespace gemmac
