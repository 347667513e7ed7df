//===- Compiler.h - the journey of a model, from a checkpoint to code that runs -------------------------===//

#ifndef GEMMAC_COMPILER_COMPILER_H
#define GEMMAC_COMPILER_COMPILER_H

#include "compiler/Options.h"
#include "llvm/Support/LogicalResult.h"

#include <string>
#include <vector>

namespace gemmac {

/// Something to tell the user, and where it stands: a file, a tensor, a layer.
struct Diagnostic {
  enum class Severity { error, warning, remark } severity;
  std::string place; ///< may be empty
  std::string text;
};
using Report = std::function<void(const Diagnostic &)>;

/// What a compilation made.
struct Artifacts {
  std::string name;               ///< of the model in C and in files
  std::vector<std::string> files; ///< in the output directory, the most important one last
  std::string text;               ///< the IR, where that was asked for and no output directory given
};

/// Compiles a checkpoint. Errors are reported, and then nothing is left in the output directory that was not
/// there before.
llvm::FailureOr<Artifacts> compile(const CompileOptions &options, const Report &report);

/// What `emit` may be: "exe", "lib", "obj", "llvm" and the names of all stages.
std::vector<std::string> emitKinds();

} // namespace gemmac

#endif
