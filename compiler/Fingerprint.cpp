//===- Fingerprint.cpp - which code belongs to which package --------------------------------------------===//

#include "compiler/Fingerprint.h"

#include "compiler/package/Version.h"
#include "runtime/include/gemmac/model.h"
#include "targets/Backends.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gemmac {

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  stream << "\n";
  return text;
}

uint64_t fingerprintOf(mlir::ModuleOp plan, const ModelFacts &facts) {
  const Target &target = facts.target;
  std::string text = textOf(plan);
  for (const MergedAdapter &adapter : facts.adapters)
    text += adapter.contents + "\n";
  text += target.name + "\n" + textOf(target) + "\n" + compilerVersion() + "\n" +
          backendOf(target).makersText() + "\n" + std::to_string(GEMMAC_MODEL_VERSION);
  return XXH3_64bits(text.data(), text.size());
}

} // namespace gemmac
