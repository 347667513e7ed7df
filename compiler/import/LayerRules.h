//===- LayerRules.h - what must hold between the layers of a model --------------------------------------===//
// The same bounds and rules for every format of checkpoints.

#ifndef GEMMAC_COMPILER_IMPORT_LAYERRULES_H
#define GEMMAC_COMPILER_IMPORT_LAYERRULES_H

#include "compiler/import/ConfigFields.h"
#include "compiler/import/ModelConfig.h"

namespace gemmac {

// Bounds far above any model that fits a machine, and far below where sizes could overflow.
constexpr int64_t kMostLayers = 4096;
constexpr int64_t kMostHeads = 1 << 14;
constexpr int64_t kMostHeadDim = 1 << 16;
constexpr int64_t kMostWidth = 1 << 24;
constexpr int64_t kMostPositions = 1 << 28;
constexpr int64_t kMostExperts = 1 << 16;

/// The last `shared` layers own no keys: each reads those of the last layer of its kind that owns some.
/// `key` is what says how many they are, for messages.
void shareKeys(ConfigFields &fields, llvm::StringRef key, ModelConfig &config, int64_t shared);

/// Query heads are a multiple of key heads, and the head dimension is even (RoPE turns pairs). The two keys
/// are named in messages.
void checkHeads(ConfigFields &fields, llvm::StringRef headsKey, llvm::StringRef dimKey,
                const ModelConfig &config);

/// Some files hold several weights of a layer as the rows of one tensor: query, keys and values, gate and up.
struct FusedRows {
  llvm::StringRef word;       ///< of the tensor, as in TensorNames
  int64_t firstRow, rows = 0; ///< of the weight; of the tensor
};

/// Where a weight stands in such a tensor; nothing if no file has it in one.
std::optional<FusedRows> fusedRows(const ModelConfig &config, int64_t layer, llvm::StringRef word);

} // namespace gemmac

#endif
