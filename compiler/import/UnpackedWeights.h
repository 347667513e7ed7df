//===- UnpackedWeights.h - a quantized checkpoint as one of numbers -------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_UNPACKEDWEIGHTS_H
#define GEMMAC_COMPILER_IMPORT_UNPACKEDWEIGHTS_H

#include "compiler/import/ModelConfig.h"

namespace gemmac {

/// Puts one tensor, `….weight`, in the place of those that a quantizer has made of it; its numbers are
/// computed when they are read. A remark of `config`, which says how they are packed, tells what they become.
/// Packed tensors that contradict each other are an error that names one. Towers stay as they are.
llvm::Expected<std::unique_ptr<WeightSource>> unpackWeights(std::unique_ptr<WeightSource> packed,
                                                            ModelConfig &config);

} // namespace gemmac

#endif
