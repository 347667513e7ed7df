//===- Compiler.h - the journey of a model, from a checkpoint to code that runs -------------------------===//

#ifndef GEMMAC_COMPILER_COMPILER_H
#define GEMMAC_COMPILER_COMPILER_H

#include "compiler/ModelSummary.h"
#include "compiler/Options.h"
#include "llvm/Support/LogicalResult.h"

#include <string>
#include <vector>

namespace gemmac {

/// A message for the user, and what it is about: a file, a tensor, a layer.
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
  std::string text;               ///< the IR, if `emit` asks for it and there is no output directory
};

/// Compiles a checkpoint. If it fails, errors have been reported and the output directory is as it was
/// before.
llvm::FailureOr<Artifacts> compile(const CompileOptions &options, const Report &report);

/// What a checkpoint holds and what would become of it, planned with the same options but not compiled:
/// `emit` and `output` do not matter. Errors have been reported.
llvm::FailureOr<ModelSummary> inspectCheckpoint(CompileOptions options, const Report &report);

/// What `emit` may be: "exe", "lib", "obj", "llvm" and the names of all stages.
std::vector<std::string> emitKinds();

} // namespace gemmac

#endif
