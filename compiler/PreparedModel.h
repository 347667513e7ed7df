//===- PreparedModel.h - a model that can run at once, whatever the user has ----------------------------===//

#ifndef GEMMAC_COMPILER_PREPAREDMODEL_H
#define GEMMAC_COMPILER_PREPAREDMODEL_H

#include "compiler/Compiler.h"

namespace gemmac {

/// What a tool was given as MODEL, and what was asked of it. Empty or 0: not asked for.
struct ModelRequest {
  std::string model; ///< a checkpoint, a compiled model's directory, or a .weights file
  std::string target, scheme, cacheScheme;
  int64_t context = 0, maxTokens = 0;
  int threads = 0;
  std::function<void(const Progress &)> progress;
};

struct PreparedModel {
  std::string weights;              ///< the .weights file
  std::vector<std::string> command; ///< the program, after the emulator that it needs on this machine, if any
};

/// Compiles a checkpoint into the user's cache, if the same was not compiled before with the same options by
/// the same compiler. A compiled model is taken as it is; asking something else of it than it was compiled
/// for is an error.
llvm::FailureOr<PreparedModel> prepareModel(const ModelRequest &request, const Report &report);

/// The .weights file of a compiled model's directory, or the file itself; empty if `model` is neither.
std::string weightsOf(const std::string &model);

/// $XDG_CACHE_HOME/gemmac or ~/.cache/gemmac; empty if there is no home.
std::string cacheDirectory();

} // namespace gemmac

#endif
