//===- Sources.h - where the numbers of a weight come from, as an attribute -----------------------------===//
//
// `["q_proj", "qkv" rows 128 to 160, "wide" columns 0 to 64]`: whole tensors are strings, ranges dictionaries
// with `tensor`, `rows` and `columns`.

#ifndef GEMMAC_DIALECTS_SOURCES_H
#define GEMMAC_DIALECTS_SOURCES_H

#include "contract/TensorRange.h"
#include "mlir/IR/OpImplementation.h"

namespace gemmac {

/// Is the attribute a list of sources whose ranges are not empty and start at 0 or later?
bool areSources(mlir::Attribute attribute);

/// The sources of such a list.
llvm::SmallVector<TensorRange> readSources(mlir::ArrayAttr sources);
mlir::ArrayAttr sourcesAttr(mlir::MLIRContext *context, llvm::ArrayRef<TensorRange> sources);

/// custom<Sources>($sources) in an assembly format.
mlir::ParseResult parseSources(mlir::OpAsmParser &parser, mlir::ArrayAttr &sources);
void printSources(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::ArrayAttr sources);

} // namespace gemmac

#endif
