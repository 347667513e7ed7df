//===- UnstackedWeight.h - splits a stacked weight into one weight per part -----------------------------===//

#ifndef GEMMAC_PASSES_UNSTACKEDWEIGHT_H
#define GEMMAC_PASSES_UNSTACKEDWEIGHT_H

#include "dialects/gemma/Gemma.h"
#include "mlir/IR/BuiltinOps.h"

namespace gemmac {

/// Consecutive sources of a stack with the same scheme.
struct StackPart {
  Scheme scheme;
  int64_t sources, rows;
};

/// Splits a stack: each part becomes a weight, such as `layer0.qkv.q8_0` of `layer0.qkv`, and each op that
/// reads the stack becomes one op per part whose rows it needs. Slices of its result become slices of theirs;
/// nothing is copied. False, with nothing changed, if an op is no MatrixOp or reads rows of two parts
/// together. `parts` covers all rows.
bool unstack(gemma::WeightOp weight, llvm::ArrayRef<StackPart> parts, mlir::ModuleOp module);

} // namespace gemmac

#endif
