//===- ModelFacts.h - what is known about a compiled model ----------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_MODELFACTS_H
#define GEMMAC_COMPILER_PACKAGE_MODELFACTS_H

#include "compiler/import/MergedWeights.h"
#include "compiler/package/PlannedWeights.h"
#include "compiler/package/WeightPacker.h"
#include "targets/Devices.h"
#include "targets/kernels/Kernel.h"

#include <string>
#include <vector>

namespace gemmac {

/// The same facts are in the emitted code, the package, the header and the manifest.
struct ModelFacts {
  std::string name; ///< a C identifier: "gemma_4_e2b"
  Target target;
  std::vector<MergedAdapter> adapters; ///< in the order of merging
  std::string scheme, activations, cacheScheme;
  int64_t vocabSize = 0, context = 0, maxTokens = 0;
  int64_t arenaBytes = 0, cacheBytes = 0, weightsBytes = 0;
  int64_t stackBytes = 0; ///< stack that kernels need on every thread
  uint64_t fingerprint = 0;
};

/// What all files take, as far as it is known before kernels are compiled: the weights to the byte, the
/// tokenizer and the code, which are small beside them, by what they have at most.
inline uint64_t bytesOnDisk(const ModelFacts &facts) {
  constexpr int64_t kCode = 8 << 20, kPiece = 64;
  return static_cast<uint64_t>(facts.weightsBytes + kCode + kPiece * facts.vocabSize);
}

/// A kernel of the compiled code and the size of its object file.
struct KernelFacts {
  KernelSpec spec;
  int64_t bytes = 0;
};

} // namespace gemmac

#endif
