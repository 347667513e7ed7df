//===- Entries.h - what a plan offers to its callers
//------------------------------------------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_ENTRIES_H
#define GEMMAC_DIALECTS_PLAN_ENTRIES_H

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace gemmac::plan {

/// An argument of an entry: an array of the caller.
struct Port {
  std::string name;
  mlir::MemRefType type; ///< `?`: the tokens of a call
};

/// A public function of a plan.
struct Entry {
  std::string name;
  TokenClass tokens;
  int64_t maxTokens = 0, arenaBytes = 0;
  std::vector<Port> inputs, outputs; ///< the function's arguments, in this order
};

/// In the order of the module. Fails with a diagnostic where a public function does not say what an entry
/// must say.
mlir::FailureOr<std::vector<Entry>> entriesOf(mlir::ModuleOp plan);

} // namespace gemmac::plan

#endif
