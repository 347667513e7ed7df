//===- Golden.h - the tiny models and what the real implementation computes from them -------------------===//

#ifndef GEMMAC_TEST_REFERENCE_GOLDEN_H
#define GEMMAC_TEST_REFERENCE_GOLDEN_H

#include "compiler/import/ImportModel.h"
#include "compiler/import/WeightSource.h"
#include "compiler/reference/Array.h"
#include "mlir/IR/MLIRContext.h"

#include <string>

namespace gemmac::reference {

/// One prompt of a case, with what was recorded of it; `ref` has the tensors that golden/README.md lists.
struct Prompt {
  std::string name; ///< p0, p1, …
  std::vector<int32_t> ids;
  std::vector<int32_t> greedy; ///< how the model goes on
};

/// A checkpoint of the golden data, opened and imported. Failures are reported through GoogleTest and leave
/// `module` empty.
class GoldenCase {
public:
  explicit GoldenCase(const std::string &name, const ImportOptions &options = {});

  static bool available();
  /// Names of the cases with text, fit for parameters of a test.
  static std::vector<std::string> all();
  static std::string folder(const std::string &name);

  /// A recorded tensor of floats (or ids) from a file of ref/; null with a failure if there is none.
  static Array read(const WeightSource &file, const std::string &tensor);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<WeightSource> weights;
  std::unique_ptr<WeightSource> text; ///< ref/text.safetensors
  std::vector<Prompt> prompts;
};

} // namespace gemmac::reference

#endif
