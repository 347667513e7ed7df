//===- Diagnostics.h - from MLIR's diagnostics to what a user reads -------------------------------------===//

#ifndef GEMMAC_COMPILER_DIAGNOSTICS_H
#define GEMMAC_COMPILER_DIAGNOSTICS_H

#include "compiler/Compiler.h"
#include "mlir/IR/Diagnostics.h"

namespace gemmac {

/// Its place is the file or layer named by the location; notes are appended to the text.
Diagnostic fromMlir(mlir::Diagnostic &diagnostic);

} // namespace gemmac

#endif
