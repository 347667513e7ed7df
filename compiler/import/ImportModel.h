//===- ImportModel.h - from a configuration to the gemma dialect ----------------------------------------===//
// The model is written down from its configuration, op by op as the specification states it, fused with
// nothing: one matrix of the checkpoint is one symbol here. The values of weights are not read.

#ifndef GEMMAC_COMPILER_IMPORT_IMPORTMODEL_H
#define GEMMAC_COMPILER_IMPORT_IMPORTMODEL_H

#include "compiler/import/ModelConfig.h"
#include "compiler/import/WeightSource.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace gemmac {

struct ImportOptions {
  std::string name = "model";
  int64_t context = 0;    ///< positions that caches hold; 0: the model's maximum
  int64_t maxTokens = 64; ///< most tokens of one call; clamped to the context
};

/// A module with the model's weights as symbols and the pure function `@forward(ids) -> logits`, verified.
/// Whatever is wrong with the checkpoint is one diagnostic; tensors of vision and audio towers are left out
/// with one remark.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importModel(mlir::MLIRContext &context,
                                                               const ModelConfig &config,
                                                               const WeightSource &weights,
                                                               const ImportOptions &options);

} // namespace gemmac

#endif
