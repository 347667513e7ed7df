//===- MadeUpWeights.h - a checkpoint for hand-written IR -----------------------------------------------===//

#ifndef GEMMAC_TEST_REFERENCE_MADEUPWEIGHTS_H
#define GEMMAC_TEST_REFERENCE_MADEUPWEIGHTS_H

#include "compiler/import/WeightSource.h"
#include "dialects/gemma/Gemma.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <optional>

namespace gemmac::reference {

/// Has every tensor that a weight of its modules names. Numbers depend on the tensor's name, the seed and the
/// place alone, so that two modules that spell the same model differently read the same ones.
class MadeUpWeights : public WeightSource {
public:
  /// Numbers of matrices are small enough that sums stay near 1, those of vectors are around 1; with `value`
  /// all are that.
  explicit MadeUpWeights(uint64_t seed, std::optional<float> value = std::nullopt)
      : seed(seed), value(value) {}

  /// A tensor that is a weight of its own in one module may be stacked with others in a second: add the first
  /// one first.
  void add(mlir::ModuleOp module);

  const SourceTensor *find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string fileOf(std::string_view) const override { return "made up"; }

private:
  struct Tensor {
    SourceTensor view;
    std::vector<float> numbers;
  };
  void add(gemma::WeightOp weight);
  void make(llvm::StringRef name, std::vector<int64_t> shape);

  uint64_t seed;
  std::optional<float> value;
  std::map<std::string, Tensor, std::less<>> tensors;
};

} // namespace gemmac::reference

#endif
