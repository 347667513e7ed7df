//===- Interpreter.h - runs gemma IR with the reference's math ------------------------------------------===//
//
// The oracle of passes and kernels: it takes a module at any stage before the plan, and computes what its
// functions mean on the numbers that the device will have (weights after their scheme, caches rounded as
// stored). Written for clearness, not for speed.

#ifndef GEMMAC_COMPILER_REFERENCE_INTERPRETER_H
#define GEMMAC_COMPILER_REFERENCE_INTERPRETER_H

#include "compiler/reference/Math.h"
#include "compiler/reference/Runner.h"
#include "compiler/reference/Weights.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

#include <functional>

namespace gemmac::reference {

class Interpreter : public Runner {
public:
  /// Both must outlive the interpreter; the module must not change meanwhile.
  Interpreter(mlir::ModuleOp module, const WeightSource &source);

  /// Runs a function on token ids, the first of which stands at `position`. An argument takes what its
  /// `gemma.port` names: `positions`, `visible`, each token's own position unless `seeing` says otherwise, or
  /// the ids.
  llvm::Expected<std::vector<Array>> call(llvm::StringRef function, llvm::ArrayRef<int32_t> ids,
                                          int64_t position = 0, llvm::ArrayRef<int32_t> seeing = {}) override;

  mlir::func::FuncOp find(llvm::StringRef function) override {
    return symbols.lookup<mlir::func::FuncOp>(function);
  }

  void reset() override { caches.clear(); }

  /// `observer` sees every result of every op from now on, in the order of execution.
  void observe(std::function<void(mlir::Value, const Array &)> observer) {
    this->observer = std::move(observer);
  }

private:
  class Frame;

  /// Weights and caches that a function names are there before it runs.
  llvm::Error prepare(mlir::func::FuncOp function);

  const WeightSource &source;
  mlir::SymbolTable symbols;
  llvm::StringMap<Weight> weights;
  llvm::StringMap<Cache> caches;
  std::function<void(mlir::Value, const Array &)> observer;
};

} // namespace gemmac::reference

#endif
