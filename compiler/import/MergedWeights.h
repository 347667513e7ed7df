//===- MergedWeights.h - a checkpoint with LoRA adapters in its weights ---------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_MERGEDWEIGHTS_H
#define GEMMAC_COMPILER_IMPORT_MERGEDWEIGHTS_H

#include "compiler/import/Checkpoint.h"

#include "llvm/ADT/ArrayRef.h"

#include <map>

namespace gemmac {

/// What became of one adapter.
struct MergedAdapter {
  std::string name; ///< of its directory
  double scale = 1;
  std::string contents; ///< a hash of what it says and of the scale
  int64_t matrices = 0; ///< that it changes
  int64_t saved = 0;    ///< weights that it brings whole
  int64_t unused = 0;   ///< parts that change nothing: of towers, and of keys that no layer reads
};

struct MergeSummary {
  std::vector<MergedAdapter> adapters;
  /// Merged matrices that the file stores in blocks, by scheme.
  std::map<std::string, int64_t> blocks;
};

/// Puts adapters in front of a checkpoint's weights, one after the other, each given as DIR or DIR:SCALE.
/// Rows of the matrices that they change are computed in float32 whenever they are read: W + scale·B·A, as
/// transformers with PEFT, and as `merge_and_unload` of several adapters in this order. The model's head gets
/// a table of its own where an adapter changes only it, or only the embedding.
///
/// An adapter that does not fit the model is an error that names the module; the checkpoint is of no more
/// use.
llvm::Expected<MergeSummary> mergeAdapters(Checkpoint &checkpoint, llvm::ArrayRef<std::string> requests);

} // namespace gemmac

#endif
