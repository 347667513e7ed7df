//===- Fingerprint.h - which code belongs to which package ----------------------------------------------===//

#ifndef GEMMAC_COMPILER_FINGERPRINT_H
#define GEMMAC_COMPILER_FINGERPRINT_H

#include "compiler/package/ModelFacts.h"
#include "mlir/IR/BuiltinOps.h"

namespace gemmac {

/// A module as text, with a line break at its end.
std::string textOf(mlir::ModuleOp module);

/// Of all that the code depends on: equal plans for equal machines are equal code. Adapters count too, so
/// that what was kept of one model (a cache of keys and values) is not taken for another's.
uint64_t fingerprintOf(mlir::ModuleOp plan, const ModelFacts &facts);

} // namespace gemmac

#endif
