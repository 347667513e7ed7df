//===- Tokenizer.h - a checkpoint's tokenizer -----------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENIZER_H
#define GEMMAC_COMPILER_PACKAGE_TOKENIZER_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemmac {

/// In bytes, ten times Gemma's longest: a bound of the time that matching a token and trying its splits take.
inline constexpr size_t kLongestToken = 1024;

/// A tokenizer as the checkpoint describes it.
struct Tokenizer {
  struct Merge {
    uint32_t left, right, merged;
  };
  struct Added {
    uint32_t id;
    bool normalized; ///< found after spaces became "▁", otherwise in the text as it comes
    bool inModel;    ///< also in the model's vocabulary, so that merging can produce it too
  };
  std::vector<std::string> pieces; ///< by id; empty for an unused id
  std::vector<bool> special;       ///< by id: not shown to users
  std::vector<Merge> merges;       ///< by rank
  std::vector<Added> added;
  int32_t bos = -1, eos = -1, pad = -1, unk = -1; ///< -1: none
  /// A raw prompt begins with bos. Every Gemma was trained with it; `add_bos_token` in checkpoints is about
  /// prompts in which a chat template has already written it.
  bool addBos = false;
  bool fuseUnk = true;
  std::string chatTemplate;         ///< Jinja, as the checkpoint has it; empty: none
  std::vector<std::string> remarks; ///< what a user should know about how the files were read
};

/// Reads the tokenizer of a checkpoint: `tokenizer.json` of a directory, or the metadata of a GGUF file.
llvm::Expected<Tokenizer> readTokenizer(const std::string &checkpoint);

} // namespace gemmac

#endif
