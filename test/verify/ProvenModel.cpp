//===- ProvenModel.cpp - the models on which passes are proven ------------------------------------------===//

#include "test/verify/ProvenModel.h"

#include "compiler/import/Checkpoint.h"
#include "compiler/import/Safetensors.h"
#include "dialects/gemma/Gemma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "test/reference/Golden.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace gemmac::verify {

using reference::GoldenCase;

static const std::string kExample = "bard-e2b";

std::vector<std::string> ProvenModel::all() {
  std::vector<std::string> names = GoldenCase::all();
  names.insert(names.begin(), kExample);
  return names;
}

bool ProvenModel::available(const std::string &name) {
  return name == kExample || GoldenCase::available();
}

/// The longest recorded prompt of a case and how it goes on.
static std::vector<int32_t> recordedIds(const std::string &name) {
  auto text = openSafetensorsFile(GoldenCase::folder(name) + "/ref/text.safetensors");
  if (!text) {
    ADD_FAILURE() << llvm::toString(text.takeError());
    return {};
  }
  std::string last;
  for (int i = 0; (*text)->find("p" + std::to_string(i) + ".input_ids"); ++i)
    last = "p" + std::to_string(i);
  std::vector<int32_t> ids = GoldenCase::read(**text, last + ".input_ids").ids();
  std::vector<int32_t> greedy = GoldenCase::read(**text, last + ".greedy_ids").ids();
  ids.insert(ids.end(), greedy.begin(), greedy.end() - 6);
  return ids;
}

/// Tokens from all over the example's vocabulary, behind the special ones.
static std::vector<int32_t> madeUpIds() {
  std::vector<int32_t> ids = {2};
  while (ids.size() < 72)
    ids.push_back(int32_t((ids.size() * 7919 + ids.back() * 31) % 1700) + 300);
  return ids;
}

ProvenModel::ProvenModel(const std::string &name, const ImportOptions &options) {
  context.loadDialect<gemma::GemmaDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  bool example = name == kExample;
  auto checkpoint = openCheckpoint(example ? GEMMAC_EXAMPLES_DIR "/" + name : GoldenCase::folder(name));
  if (!checkpoint) {
    ADD_FAILURE() << llvm::toString(checkpoint.takeError());
    return;
  }
  weights = std::move(checkpoint->weights);
  ids = example ? madeUpIds() : recordedIds(name);
  auto imported = importModel(context, checkpoint->config, *weights, options);
  EXPECT_TRUE(mlir::succeeded(imported)) << "the diagnostics say why";
  if (mlir::succeeded(imported))
    module = std::move(*imported);
}

std::string testNameOf(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

} // namespace gemmac::verify
