//===- ProvenModel.h - the models on which passes are proven --------------------------------------------===//

#ifndef GEMMAC_TEST_VERIFY_PROVENMODEL_H
#define GEMMAC_TEST_VERIFY_PROVENMODEL_H

#include "compiler/import/ImportModel.h"
#include "compiler/import/WeightSource.h"
#include "mlir/IR/MLIRContext.h"

#include <optional>
#include <string>
#include <vector>

namespace gemmac::verify {

/// A checkpoint of the golden data, or the example in the repository, opened and imported. Failures are
/// reported through GoogleTest and leave `module` empty.
class ProvenModel {
public:
  ProvenModel(const std::string &name, const ImportOptions &options);

  /// Names fit for parameters of a test: the example first.
  static std::vector<std::string> all();
  /// Is its checkpoint at hand? The example's always is.
  static bool available(const std::string &name);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<WeightSource> weights;
  std::vector<int32_t> ids; ///< some text, long enough that the windows of sliding layers are left behind
};

/// A model's name as part of a test's.
std::string testNameOf(std::string name);

} // namespace gemmac::verify

#endif
