//===- Weights.h - a model's weights as the device will see them ----------------------------------------===//

#ifndef GEMMAC_COMPILER_REFERENCE_WEIGHTS_H
#define GEMMAC_COMPILER_REFERENCE_WEIGHTS_H

#include "compiler/import/WeightSource.h"
#include "compiler/reference/Array.h"
#include "dialects/gemma/Gemma.h"
#include "llvm/Support/Error.h"

namespace gemmac::reference {

struct Weight {
  Array numbers;               ///< float32, after a way through the weight's scheme and back
  std::optional<Array> blocks; ///< q8_0, q4_0: the integers and scales that `numbers` are made of
};

/// Reads and stacks the sources of a weight; the error names the tensor that is absent or has another size.
llvm::Expected<Weight> readWeight(gemma::WeightOp op, const WeightSource &source);

} // namespace gemmac::reference

#endif
