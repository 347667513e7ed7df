//===- Manifest.h - a compiled model's sizes, kernels and losses, as JSON -------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_MANIFEST_H
#define GEMMAC_COMPILER_PACKAGE_MANIFEST_H

#include "compiler/package/ModelFacts.h"
#include "compiler/package/PlannedCalls.h"
#include "compiler/package/PlannedMemory.h"
#include "llvm/Support/Error.h"

#include <span>

namespace gemmac {

/// What is in the output besides the facts of the model.
struct Contents {
  std::span<const PlannedWeight> weights;
  std::span<const PackedWeight> packed; ///< one for each of the weights
  std::span<const KernelFacts> kernels;
  std::span<const PlannedPhase> phases;
  PlannedMemory memory;
  int64_t driverBytes = 0;  ///< object file of the driver
  int64_t packageBytes = 0; ///< the whole .weights file
};

/// manifest.json: all memory to the byte, the calls of every step, and what quantization lost. The same input
/// gives the same text.
std::string manifest(const ModelFacts &facts, const Contents &contents);

/// What a manifest.json says about a running model.
struct RunningModel {
  std::vector<PlannedPhase> phases;
  uint64_t generationBytes = 0; ///< of memory, at most, on one thread
  uint64_t threadBytes = 0;     ///< and on every further one
};

llvm::Expected<RunningModel> readManifest(const std::string &file);

} // namespace gemmac

#endif
