//===- UnstackedWeight.h - the parts of a stacked weight become weights of their own --------------------===//

#ifndef GEMMAC_PASSES_UNSTACKEDWEIGHT_H
#define GEMMAC_PASSES_UNSTACKEDWEIGHT_H

#include "dialects/gemma/Gemma.h"
#include "mlir/IR/BuiltinOps.h"

namespace gemmac {

/// Sources of a stack that follow each other and are stored alike.
struct StackPart {
  Scheme scheme;
  int64_t sources, rows;
};

/// Takes a stack apart: each part becomes a weight, `layer0.qkv` of q8_0 numbers `layer0.qkv.q8_0`, and each
/// op that reads the stack becomes one for each part whose rows it needs. Slices of its result are results of
/// these; no number moves. False, with nothing changed, where an op is no MatrixOp or something reads rows of
/// two parts together. The parts are all of the weight's rows.
bool unstack(gemma::WeightOp weight, llvm::ArrayRef<StackPart> parts, mlir::ModuleOp module);

} // namespace gemmac

#endif
