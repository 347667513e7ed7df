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
  std::optional<Array> blocks; ///< of quantized schemes: the integers and scales that `numbers` are made of
};

/// Room for the blocks of `count` numbers in a quantized scheme.
Blocks blocksFor(Scheme scheme, int64_t count);

/// Puts a stored row of `columns` numbers where `first` is its first.
void splitRow(Scheme scheme, const uint8_t *stored, int64_t columns, int64_t first, Blocks &blocks);

/// Reads and stacks the sources of a weight; the error names the tensor that is absent or has another size.
llvm::Expected<Weight> readWeight(gemma::WeightOp op, const WeightSource &source);

} // namespace gemmac::reference

#endif
