//===- WeightSchemes.h - how the weights of each kind store their numbers -------------------------------===//

#ifndef GEMMAC_PASSES_WEIGHTSCHEMES_H
#define GEMMAC_PASSES_WEIGHTSCHEMES_H

#include "contract/Scheme.h"
#include "llvm/Support/Error.h"

#include <array>

namespace gemmac {

/// The kinds of matrices and tables that a mix of schemes tells apart.
enum class WeightKind : uint8_t {
  layers,    ///< matrices of layers, and all that is no other kind
  experts,   ///< matrices of layers' experts
  embedding, ///< the table of tokens' embeddings
  perLayer,  ///< the table of tokens' embeddings for each layer
  head       ///< the matrix that gives logits
};

/// A scheme for each kind of weights, or the checkpoint's.
class WeightSchemes {
public:
  /// "q4_0": all weights. "file": as the checkpoint has each of them. "layers=q4_k,head=q6_k", also
  /// "q4_k,head=q6_k": kinds that are not named are stored as layers are. Words may be `file` too.
  static llvm::Expected<WeightSchemes> parse(llvm::StringRef text);

  /// Empty: as the checkpoint has it.
  std::optional<Scheme> of(WeightKind kind) const { return schemes[size_t(kind)]; }
  /// Was the kind named? A table that is the head too follows the head only then.
  bool names(WeightKind kind) const { return named[size_t(kind)]; }

private:
  static constexpr size_t kKinds = 5;
  std::array<std::optional<Scheme>, kKinds> schemes;
  std::array<bool, kKinds> named{};
};

} // namespace gemmac

#endif
