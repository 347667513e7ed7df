//===- WeightDeclarations.h - the symbols of a module and the tensors behind them -----------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_WEIGHTDECLARATIONS_H
#define GEMMAC_COMPILER_IMPORT_WEIGHTDECLARATIONS_H

#include "compiler/import/ModelConfig.h"
#include "compiler/import/TensorNames.h"
#include "contract/TensorRange.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace gemmac {

/// Declares each weight once, after checking its tensor. The first tensor that is missing
/// or wrong is reported; symbols are returned all the same, so that building the model goes on.
class WeightDeclarations {
public:
  WeightDeclarations(mlir::ModuleOp module, const ModelConfig &config, const WeightSource &weights,
                     const TensorNames &names);

  /// `word` and `layer` as in TensorNames; no layer: a weight of the model.
  mlir::FlatSymbolRefAttr declare(mlir::Location location, std::optional<int64_t> layer, llvm::StringRef word,
                                  llvm::ArrayRef<int64_t> shape, bool addOne = false);

  /// A weight of a layer that a checkpoint holds whole, or as two halves to be concatenated along the second
  /// axis.
  mlir::FlatSymbolRefAttr declareWholeOrHalves(mlir::Location location, int64_t layer, llvm::StringRef word,
                                               llvm::StringRef first, llvm::StringRef second,
                                               llvm::ArrayRef<int64_t> shape);

  /// A matrix of a layer that a checkpoint holds by itself, or as rows of a fused tensor (`fusedRows`).
  mlir::FlatSymbolRefAttr declareAloneOrFused(mlir::Location location, int64_t layer, llvm::StringRef word,
                                              llvm::ArrayRef<int64_t> shape);

  /// After the last weight: every tensor must have been used, or be known to be unused.
  mlir::LogicalResult finish();

private:
  mlir::OpBuilder builder;
  mlir::Location whole;
  const ModelConfig &config;
  const WeightSource &weights;
  const TensorNames &names;
  llvm::StringSet<> declared; ///< symbols
  llvm::StringSet<> used;     ///< tensors
  bool broken = false;

  mlir::FlatSymbolRefAttr declare(mlir::Location location, std::optional<int64_t> layer, llvm::StringRef word,
                                  llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<TensorRange> sources,
                                  bool addOne);
  void check(mlir::Location location, const std::string &tensor, llvm::ArrayRef<int64_t> shape);
  bool mayBeIdle(llvm::StringRef tensor) const;
};

} // namespace gemmac

#endif
