//===- PackedWeights.h - weights as a plan finds them: bytes in planes ----------------------------------===//

#ifndef GEMMAC_COMPILER_VERIFY_PACKEDWEIGHTS_H
#define GEMMAC_COMPILER_VERIFY_PACKEDWEIGHTS_H

#include "compiler/import/WeightSource.h"
#include "compiler/reference/Weights.h"
#include "dialects/plan/Plan.h"
#include "llvm/ADT/StringMap.h"

namespace gemmac::verify {

using PlaneBytes = std::vector<std::vector<uint8_t>>;

/// The planes of weights, packed as in a package and kept: plans of the same model share them.
class PackedWeights {
public:
  /// The source must outlive this.
  explicit PackedWeights(const WeightSource &source) : source(source) {}

  /// Fails where the checkpoint does not have what the weight names.
  llvm::Expected<const PlaneBytes *> planesOf(plan::WeightOp weight);

private:
  const WeightSource &source;
  llvm::StringMap<PlaneBytes> packed; ///< by all that they depend on
};

/// The numbers of a matrix whose planes hold these bytes: what packRows (WeightLayout.h) put there.
/// (rows, columns), or (experts, rows, columns).
reference::Weight unpack(Layout layout, Scheme scheme, WeightShape shape, const PlaneBytes &planes);

} // namespace gemmac::verify

#endif
