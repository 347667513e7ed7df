//===- Runner.h - what runs the functions of a module ---------------------------------------------------===//

#ifndef GEMMAC_COMPILER_REFERENCE_RUNNER_H
#define GEMMAC_COMPILER_REFERENCE_RUNNER_H

#include "compiler/reference/Array.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

namespace gemmac::reference {

/// An interpreter of one module, whatever its dialect. It keeps the caches between calls. Not thread safe.
class Runner {
public:
  virtual ~Runner() = default;

  /// Runs a function on token ids, the first of which stands at `position`, each seeing as far as itself
  /// unless `seeing` says otherwise. Returns what the function does, in its order.
  virtual llvm::Expected<std::vector<Array>> call(llvm::StringRef function, llvm::ArrayRef<int32_t> ids,
                                                  int64_t position = 0,
                                                  llvm::ArrayRef<int32_t> seeing = {}) = 0;

  /// A function of the module; null if there is none of that name.
  virtual mlir::func::FuncOp find(llvm::StringRef function) = 0;

  /// Caches are empty again.
  virtual void reset() = 0;
};

} // namespace gemmac::reference

#endif
