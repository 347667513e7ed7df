//===- Rings.cpp - how many positions of a text the caches of a plan hold -------------------------------===//

#include "dialects/plan/Rings.h"

#include "contract/CacheLayout.h"
#include "dialects/plan/KernelSpecs.h"

using namespace mlir;

namespace gemmac::plan {

// A token at position p sees positions p - window + 1 … p. A ring buffer of n positions that was written up
// to w (excluded) holds the last n: p can be run again if p - window + 1 >= w - n.
FailureOr<Rings> ringsOf(ModuleOp plan) {
  FailureOr<std::vector<KernelSpec>> kernels = kernelsOf(plan);
  if (failed(kernels))
    return failure();
  const int64_t context = plan->getAttrOfType<IntegerAttr>("gemma.context").getInt();
  Rings rings = {context, context};
  for (const KernelSpec &kernel : *kernels) {
    const int64_t window = kernel.has("window") ? kernel.integer("window") : 0;
    const int64_t positions = window ? spansOf(kernel.integer("slots")) * kSpan : context;
    if (positions >= context)
      continue;
    rings.positions = std::min(rings.positions, positions);
    rings.rewind = std::min(rings.rewind, positions - window + 1);
  }
  return rings;
}

} // namespace gemmac::plan
