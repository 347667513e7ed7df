//===- PackageWriter.h - the .weights file --------------------------------------------------------------===//
// What is in it is described by runtime/format/Package.h and package.fbs.

#ifndef GEMMAC_COMPILER_PACKAGE_PACKAGEWRITER_H
#define GEMMAC_COMPILER_PACKAGE_PACKAGEWRITER_H

#include "compiler/import/GenerationConfig.h"
#include "compiler/package/ModelFacts.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/Tokenizer.h"

#include <functional>

namespace gemmac {

/// Everything that a package says, apart from the numbers of the weights.
struct PackageContents {
  const ModelFacts &facts;
  const GenerationConfig &generation;
  const Tokenizer &tokenizer;
  const std::vector<PlannedWeight> &weights;
};

/// Writes a package, weight after weight, and returns each weight's quantization error. `progress` gets the
/// number of tensor bytes written.
llvm::Expected<std::vector<PackedWeight>> writePackage(OutputFile &file, const PackageContents &contents,
                                                       const WeightSource &source,
                                                       llvm::ThreadPoolInterface &threads,
                                                       const std::function<void(int64_t)> &progress);

} // namespace gemmac

#endif
