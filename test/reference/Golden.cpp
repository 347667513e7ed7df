//===- Golden.cpp - the tiny models and what the real implementation computes from them -----------------===//

#include "test/reference/Golden.h"

#include "compiler/import/Checkpoint.h"
#include "compiler/import/Safetensors.h"
#include "dialects/gemma/Gemma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

namespace gemmac::reference {

std::string GoldenCase::folder(const std::string &name) {
  return std::string(GEMMAC_SHARED_DIR) + "/golden/" + name;
}

bool GoldenCase::available() {
  return std::filesystem::exists(folder("README.md"));
}

std::vector<std::string> GoldenCase::all() {
  return {"tiny-e2b", "tiny-e4b", "tiny-26b-a4b", "tiny-31b", "tiny-12b-unified", "tiny-gemma3"};
}

Array GoldenCase::read(const WeightSource &file, const std::string &name) {
  const SourceTensor *tensor = file.find(name);
  if (!tensor) {
    ADD_FAILURE() << "nothing recorded as " << name;
    return {};
  }
  if (tensor->scheme == "i32") {
    std::vector<int32_t> ids(tensor->numbers());
    std::memcpy(ids.data(), tensor->bytes.data(), tensor->bytes.size());
    return {tensor->shape, std::move(ids)};
  }
  std::vector<float> numbers(tensor->numbers());
  readNumbers(*tensor, 0, numbers);
  return {tensor->shape, std::move(numbers)};
}

/// The value, or a failure of the test with the error's words.
template <typename T>
static std::optional<T> unwrap(llvm::Expected<T> expected) {
  if (expected)
    return std::move(*expected);
  ADD_FAILURE() << llvm::toString(expected.takeError());
  return std::nullopt;
}

GoldenCase::GoldenCase(const std::string &name, const ImportOptions &options) {
  context.loadDialect<gemma::GemmaDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  context.disableMultithreading();
  auto checkpoint = unwrap(openCheckpoint(folder(name)));
  auto recorded = unwrap(openSafetensorsFile(folder(name) + "/ref/text.safetensors"));
  if (!checkpoint || !recorded)
    return;
  weights = std::move(checkpoint->weights);
  text = std::move(*recorded);
  for (int i = 0; text->find("p" + std::to_string(i) + ".input_ids"); ++i) {
    std::string prompt = "p" + std::to_string(i);
    prompts.push_back(
        {prompt, read(*text, prompt + ".input_ids").ids(), read(*text, prompt + ".greedy_ids").ids()});
  }
  auto imported = importModel(context, checkpoint->config, *weights, options);
  EXPECT_TRUE(mlir::succeeded(imported)) << "the diagnostics say why";
  if (mlir::succeeded(imported))
    module = std::move(*imported);
}

} // namespace gemmac::reference
