//===- PreparedModel.h - a model that can run at once, whatever the user has ----------------------------===//

#ifndef GEMMAC_COMPILER_PREPAREDMODEL_H
#define GEMMAC_COMPILER_PREPAREDMODEL_H

#include "compiler/Compiler.h"
#include "compiler/ModelCache.h"

namespace gemmac {

/// What a tool was given as MODEL, and the options for it. Empty or 0: option not given.
struct ModelRequest {
  std::string model; ///< a checkpoint (by name, too), a compiled model's directory, or a .weights file
  std::string target, scheme, cacheScheme;
  std::vector<std::string> lora; ///< adapters: DIR or DIR:SCALE
  int64_t context = 0, maxTokens = 0;
  int threads = 0;
  std::function<void(const Progress &)> progress;
};

/// How a checkpoint is compiled for a request; kind of output and directory are left open.
CompileOptions compileOptionsOf(const ModelRequest &request);

struct PreparedModel {
  std::string weights;              ///< the .weights file
  std::vector<std::string> command; ///< the program, after the emulator that it needs on this machine, if any
  std::shared_ptr<ModelLock> lock;  ///< of a model in the cache: it is not removed as long as this lives
};

/// Compiles a checkpoint into the user's cache, unless this compiler has done so before with the same
/// options. A compiled model is used as it is; an option that contradicts how it was compiled is an error.
llvm::FailureOr<PreparedModel> prepareModel(const ModelRequest &request, const Report &report);

/// The .weights file of a compiled model's directory, or the file itself; empty if `model` is neither.
std::string weightsOf(const std::string &model);

/// $XDG_CACHE_HOME/gemmac or ~/.cache/gemmac; empty if there is no home.
std::string cacheDirectory();

} // namespace gemmac

#endif
