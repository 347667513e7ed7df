//===- MadeUpWeights.cpp - a checkpoint for hand-written IR ---------------------------------------------===//

#include "test/reference/MadeUpWeights.h"

#include "llvm/Support/xxhash.h"

#include <cmath>
#include <random>

namespace gemmac::reference {

void MadeUpWeights::add(mlir::ModuleOp module) {
  for (gemma::WeightOp weight : module.getOps<gemma::WeightOp>())
    add(weight);
}

/// The rows that no source is known to have are shared out evenly.
void MadeUpWeights::add(gemma::WeightOp weight) {
  llvm::ArrayRef<int64_t> type = weight.getTensorType().getShape();
  size_t axis = type.size() == 3 ? 1 : 0;
  int64_t rows = type[axis], unknown = 0;
  for (llvm::StringRef name : weight.getSources().getAsValueRange<mlir::StringAttr>()) {
    if (const SourceTensor *known = find(name))
      rows -= known->shape[axis];
    else
      ++unknown;
  }
  for (llvm::StringRef name : weight.getSources().getAsValueRange<mlir::StringAttr>()) {
    if (find(name))
      continue;
    std::vector<int64_t> shape = type.vec();
    shape[axis] = rows / unknown;
    make(name, std::move(shape));
  }
}

void MadeUpWeights::make(llvm::StringRef name, std::vector<int64_t> shape) {
  Tensor &tensor = tensors[name.str()];
  tensor.view = {name.str(), "f32", shape, {}};
  tensor.numbers.resize(tensor.view.numbers());
  std::mt19937_64 generator(llvm::xxh3_64bits(name) ^ seed);
  float reach = shape.size() == 1 ? 0.5f : 1.0f / std::sqrt(float(shape.back()));
  for (float &number : tensor.numbers) {
    float fraction = float(int64_t(generator() >> 40) - (1 << 23)) / float(1 << 23); // -1 … 1
    number = value ? *value : fraction * reach + (shape.size() == 1 ? 1.0f : 0.0f);
  }
  tensor.view.bytes = {reinterpret_cast<const uint8_t *>(tensor.numbers.data()),
                       tensor.numbers.size() * sizeof(float)};
}

const SourceTensor *MadeUpWeights::find(std::string_view name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second.view;
}

std::vector<std::string> MadeUpWeights::names() const {
  std::vector<std::string> all;
  for (const auto &[name, tensor] : tensors)
    all.push_back(name);
  return all;
}

} // namespace gemmac::reference
