//===- Pipeline.h - the named stages between import and the emitter -------------------------------------===//

#ifndef GEMMAC_PASSES_PIPELINE_H
#define GEMMAC_PASSES_PIPELINE_H

#include "passes/TargetChoice.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace mlir {
class OpPassManager;
}

namespace gemmac {

struct PipelineOptions {
  std::string scheme = "f32";      ///< how matrices are stored: a scheme, file, or a mix of kinds
  std::string cacheScheme = "f32"; ///< how keys and values are stored: f32, f16, q8_0, or one per layer kind
  TargetChoice target = {};        ///< the device to compile for
};

struct Stage {
  llvm::StringLiteral name;
  llvm::StringLiteral description; ///< what is true after it
  void (*add)(mlir::OpPassManager &pm, const PipelineOptions &options);
};

/// All stages, in order.
llvm::ArrayRef<Stage> stages();

/// Adds all stages up to and including `lastStage`. False, with nothing added, if there is no such stage.
[[nodiscard]] bool addStagesThrough(mlir::OpPassManager &pm, const PipelineOptions &options,
                                    llvm::StringRef lastStage);

/// Registers, for every stage, the pipelines `--gemmac-<stage>` (that stage alone) and
/// `--gemmac-through-<stage>` (all stages up to it).
void registerPipelines();

} // namespace gemmac

#endif
