//===- TensorNames.h - what checkpoints call the weights ------------------------------------------------===//
// The only place that knows tensor names in files. All other code says `layer3.query`.

#ifndef GEMMAC_COMPILER_IMPORT_TENSORNAMES_H
#define GEMMAC_COMPILER_IMPORT_TENSORNAMES_H

#include "compiler/import/WeightSource.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace gemmac {

/// The naming convention of a checkpoint, and the prefixes that it uses.
class TensorNames {
public:
  /// Recognized by the name of the embedding table; nothing if no known one is there.
  static std::optional<TensorNames> recognise(const WeightSource &weights);

  /// The checkpoint's name of a weight in the model's words: `embedding`, `layer3.query`.
  std::string of(llvm::StringRef word) const;
  std::string of(int64_t layer, llvm::StringRef word) const; ///< empty: this convention does not have it

  /// A tensor of a vision or audio tower, or of its projector into the text model.
  bool isTower(llvm::StringRef name) const;
  /// A tensor with a row for each token.
  bool isTable(llvm::StringRef name) const;
  /// An output head that is a copy of the embedding.
  bool isHead(llvm::StringRef name) const;
  /// Keys and values: files may hold unused ones for layers that share another layer's.
  bool isKeyOrValue(llvm::StringRef name, int64_t layer) const;
  /// A constant that follows from the configuration: rotation tables.
  bool isDerived(llvm::StringRef name) const;

  /// What a name of Hugging Face's convention stands for, with any prefix of the text model or none: adapters
  /// have those of the class that was trained. Nothing if it is no weight of the text model.
  struct Word {
    std::optional<int64_t> layer;
    llvm::StringRef word; ///< of the model, or of the layer
  };
  static std::optional<Word> huggingFaceWord(llvm::StringRef name);
  static bool isHuggingFaceTower(llvm::StringRef name);

  /// GGUF stores the norms of Gemma 3 with the 1 added.
  bool normsHoldOne() const { return naming == Naming::gguf; }

private:
  enum class Naming { huggingFace, gguf };
  TensorNames(Naming naming, std::string prefix, std::string headPrefix)
      : naming(naming), prefix(std::move(prefix)), headPrefix(std::move(headPrefix)) {}

  Naming naming;
  std::string prefix;     ///< before the names of the text model
  std::string headPrefix; ///< before the head, which may be outside the text model
};

/// How many tensors of a checkpoint belong to vision and audio towers.
size_t countTowerTensors(const WeightSource &weights);

} // namespace gemmac

#endif
