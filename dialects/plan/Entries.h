//===- Entries.h - the entries of a plan and their ports ------------------------------------------------===//
// They are read from the plan's public functions and the attributes of these.

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

/// The entries in the order of the module. Fails with a diagnostic if a public function lacks an attribute of
/// an entry, or if one is invalid.
mlir::FailureOr<std::vector<Entry>> entriesOf(mlir::ModuleOp plan);

} // namespace gemmac::plan

#endif
