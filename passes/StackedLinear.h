//===- StackedLinear.h - linears that read the same rows become one -------------------------------------===//

#ifndef GEMMAC_PASSES_STACKEDLINEAR_H
#define GEMMAC_PASSES_STACKEDLINEAR_H

#include "dialects/gemma/Gemma.h"
#include "mlir/IR/PatternMatch.h"

namespace gemmac {

/// Why the linears cannot become one; empty if they can. They can if they read the same rows with whole
/// weights of one kind that nothing else reads, and their results differ in axis 1 alone.
llvm::StringRef whyNotStacked(llvm::ArrayRef<gemma::LinearOp> linears, const mlir::SymbolTable &symbols);

/// Replaces the linears by one over their stacked weights, and slices of axis 1. The new weight is named
/// after the layer of the first: `layer0.query` and "qkv" give `layer0.qkv`.
void stackLinears(llvm::ArrayRef<gemma::LinearOp> linears, llvm::StringRef name, mlir::SymbolTable &symbols,
                  mlir::RewriterBase &rewriter);

} // namespace gemmac

#endif
