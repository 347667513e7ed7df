//===- PlannedPacking.h - weights that a test plans and packs -------------------------------------------===//

#ifndef GEMMAC_TEST_PACKAGE_PLANNEDPACKING_H
#define GEMMAC_TEST_PACKAGE_PLANNEDPACKING_H

#include "compiler/package/WeightPacker.h"

#include "MemorySource.h"

#include <random>

namespace gemmac::test {

inline std::vector<float> numbers(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> all(static_cast<size_t>(count));
  for (float &number : all)
    number = static_cast<float>(static_cast<int32_t>(random())) * 0x1p-30f;
  return all;
}

/// Ranges of one tensor.
inline TensorRange rowsOf(const char *tensor, int64_t begin, int64_t end) {
  return {tensor, IndexRange{begin, end}, {}};
}
inline TensorRange columnsOf(const char *tensor, int64_t begin, int64_t end) {
  return {tensor, {}, IndexRange{begin, end}};
}

inline PlannedWeight plan(Scheme scheme, Layout layout, std::vector<int64_t> logical,
                          std::vector<TensorRange> sources) {
  PlannedWeight weight;
  weight.name = "w";
  weight.scheme = scheme;
  weight.layout = layout;
  weight.logical = std::move(logical);
  weight.sources = std::move(sources);
  weight.planes = planesOf(layout, scheme, weight.shape());
  int64_t end = 64;
  for (const Plane &plane : weight.planes) {
    weight.offsets.push_back(end);
    end += (plane.bytes() + 63) / 64 * 64;
  }
  return weight;
}

inline std::string errorOf(const PlannedWeight &weight, const WeightSource &source) {
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(1));
  auto result = packWeight(weight, source, pool,
                           [](int64_t, std::span<const uint8_t>) { return llvm::Error::success(); });
  return result ? "" : llvm::toString(result.takeError());
}

/// Blocks of q4_0 with scale 1 whose first byte counts them.
inline std::vector<uint8_t> countedBlocks(int count) {
  std::vector<uint8_t> blocks;
  for (int block = 0; block < count; ++block) {
    blocks.insert(blocks.end(), {0x00, 0x3c, static_cast<uint8_t>(block)});
    blocks.insert(blocks.end(), 15, 0x88);
  }
  return blocks;
}

} // namespace gemmac::test

#endif
