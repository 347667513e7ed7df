//===- Adapter.h - a LoRA adapter as PEFT saves it ------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_ADAPTER_H
#define GEMMAC_COMPILER_IMPORT_ADAPTER_H

#include "compiler/import/AdapterConfig.h"
#include "compiler/import/TensorNames.h"

namespace gemmac {

/// An adapter of low rank on one matrix: rows of W become those of W + scaling·B·A, with DoRA scaled to the
/// length in `magnitude`. Tensors are views into the adapter's file.
struct AdapterModule {
  std::string module; ///< its name in the model that was trained, for messages
  TensorNames::Word word;
  const SourceTensor *a = nullptr;         ///< (rank, columns); of an embedding (rank, rows)
  const SourceTensor *b = nullptr;         ///< (rows, rank); of an embedding (columns, rank)
  const SourceTensor *magnitude = nullptr; ///< (rows) of a matrix, or null
  bool embedding = false;
  double scaling = 1; ///< with the user's scale

  int64_t rank() const { return a->shape[0]; }
  int64_t rows() const { return embedding ? a->shape[1] : b->shape[0]; }
  int64_t columns() const { return embedding ? b->shape[0] : a->shape[1]; }
};

/// A weight that the adapter brings whole ("modules_to_save").
struct SavedWeight {
  std::string module;
  TensorNames::Word word;
  const SourceTensor *tensor = nullptr;
};

struct Adapter {
  AdapterConfig config;
  std::string directory;
  double scale = 1;
  std::string contents; ///< a hash of all that it says, and of the scale
  std::vector<AdapterModule> modules;
  std::vector<SavedWeight> saved;
  size_t towerTensors = 0; ///< of vision and audio towers, which are left out
  std::unique_ptr<WeightSource> tensors;

  /// `request` is DIR or DIR:SCALE. Whatever is no LoRA adapter of PEFT, or contradicts itself, is an error
  /// that says what it is.
  static llvm::Expected<Adapter> open(const std::string &request);
};

/// The directory of a request, without its scale.
std::string adapterDirectory(const std::string &request);

} // namespace gemmac

#endif
