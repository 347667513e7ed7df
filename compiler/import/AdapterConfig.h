//===- AdapterConfig.h - adapter_config.json of PEFT ----------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_ADAPTERCONFIG_H
#define GEMMAC_COMPILER_IMPORT_ADAPTERCONFIG_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemmac {

/// What a LoRA adapter says about itself. Ranks are those of its tensors; this says what they are multiplied
/// by.
struct AdapterConfig {
  /// A value for the modules whose name, or the end of whose name behind a dot, matches a pattern.
  struct Pattern {
    std::string text;  ///< as the file has it
    std::string posix; ///< as a POSIX regular expression of the whole name; empty: `text` is a plain name
    double value = 0;

    bool matches(llvm::StringRef module) const;
  };

  std::string file; ///< for messages
  std::string base; ///< the model that it was trained on, as its maker calls it; may be empty
  int64_t rank = 8;
  double alpha = 8;
  bool rootOfRank = false;     ///< rsLoRA: alpha / √rank instead of alpha / rank
  bool dora = false;           ///< rows are scaled to trained magnitudes (DoRA)
  bool tiesEmbeddings = false; ///< a saved embedding is the head too
  std::vector<Pattern> ranks, alphas;
  std::vector<std::string> targets; ///< module names; empty: given as a regular expression, or not at all

  /// What B·A of a module is multiplied by. `module` is its name in the model that was trained, such as
  /// "model.layers.0.self_attn.q_proj". The error says that its tensors have another rank than it should.
  llvm::Expected<double> scaling(llvm::StringRef module, int64_t rank) const;
};

/// Whether a directory holds an adapter_config.json.
bool holdsAdapter(const std::string &directory);

/// Reads adapter_config.json. Kinds of adapters that cannot be merged, features that are not supported and
/// unknown keys with a value are errors that name them.
llvm::Expected<AdapterConfig> readAdapterConfig(const std::string &directory);

} // namespace gemmac

#endif
