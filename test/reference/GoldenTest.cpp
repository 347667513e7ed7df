//===- GoldenTest.cpp - the interpreter against the real implementation ---------------------------------===//
// Tolerances are those of golden/README.md: what float32 executions differ by through the order of their sums
// alone.

#include "test/reference/Golden.h"
#include "compiler/import/Safetensors.h"
#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Phases.h"
#include "contract/WeightLayout.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace gemmac::reference {
namespace {

constexpr float kHiddenTolerance = 3e-4f, kLogitsTolerance = 1e-3f;

/// Every value of one run of @forward.
class Observed {
public:
  Observed(GoldenCase &golden, std::vector<int32_t> ids) : interpreter(*golden.module, *golden.weights) {
    interpreter.observe([this](mlir::Value value, const Array &array) { values.try_emplace(value, array); });
    llvm::Expected<Array> result = callForOne(interpreter, "forward", ids);
    if (!result) {
      ADD_FAILURE() << llvm::toString(result.takeError());
      return;
    }
    logits = std::move(*result);
    for (mlir::Operation &op : interpreter.find("forward").getBody().front())
      ops.push_back(&op);
  }

  const Array &operator[](mlir::Value value) const {
    auto found = values.find(value);
    assert(found != values.end() && "every result of an op was observed");
    return found->second;
  }

  /// Ops of one kind in the order of execution.
  template <typename Op>
  std::vector<Op> all() const {
    std::vector<Op> found;
    for (mlir::Operation *op : ops)
      if (auto match = llvm::dyn_cast<Op>(op))
        found.push_back(match);
    return found;
  }

  static std::optional<int64_t> layerOf(mlir::Operation *op) {
    auto layer = op->getAttrOfType<mlir::IntegerAttr>("gemma.layer");
    return layer ? std::optional(layer.getInt()) : std::nullopt;
  }

  /// The op of that kind that belongs to a layer.
  template <typename Op>
  Op ofLayer(int64_t layer) const {
    for (Op op : all<Op>())
      if (layerOf(op) == layer)
        return op;
    ADD_FAILURE() << "layer " << layer << " has no such op";
    return {};
  }

  /// What a layer hands on: its last value.
  mlir::Value outputOf(int64_t layer) const {
    mlir::Value last;
    for (mlir::Operation *op : ops)
      if (layerOf(op) == layer)
        last = op->getResult(0);
    return last;
  }

  Array logits;

private:
  Interpreter interpreter;
  std::vector<mlir::Operation *> ops;
  llvm::DenseMap<mlir::Value, Array> values;
};

/// The first rows of `got`, as many as were recorded, against the record.
void expectRows(const Array &got, const Array &want, float tolerance, const std::string &what) {
  ASSERT_EQ(got.width(), want.width()) << what;
  ASSERT_GE(got.rows(), want.rows()) << what;
  std::vector<float> first(got.floats().begin(), got.floats().begin() + want.floats().size());
  EXPECT_LE(largestDifference(Array(want.shape(), std::move(first)), want), tolerance) << what;
}

/// (a, b, ...) → (b, a, ...)
Array swapFirstAxes(const Array &x) {
  Shape shape = x.shape();
  std::swap(shape[0], shape[1]);
  Array result = Array::zeros(shape);
  int64_t inner = x.width() / x.size(1);
  for (int64_t a = 0; a < x.size(0); ++a)
    for (int64_t b = 0; b < x.size(1); ++b)
      std::copy_n(&x.floats()[(a * x.size(1) + b) * inner], inner,
                  &result.floats()[(b * x.size(0) + a) * inner]);
  return result;
}

/// One of the first axis.
Array at(const Array &x, int64_t i) {
  Shape shape(x.shape().begin() + 1, x.shape().end());
  std::span<const float> row = x.row(i);
  return {std::move(shape), std::vector<float>(row.begin(), row.end())};
}

class Golden : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    if (!GoldenCase::available())
      GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
    golden.emplace(GetParam());
    ASSERT_TRUE(golden->module);
    ASSERT_FALSE(golden->prompts.empty());
  }

  Array recorded(const std::string &tensor) { return GoldenCase::read(*golden->text, tensor); }
  bool has(const std::string &tensor) { return golden->text->find(tensor) != nullptr; }

  std::optional<GoldenCase> golden;
};

TEST_P(Golden, EveryStepOfThePrompt) {
  for (const Prompt &prompt : golden->prompts) {
    SCOPED_TRACE(prompt.name);
    Observed run(*golden, prompt.ids);
    ASSERT_FALSE(run.logits.shape().empty());

    Array hidden = recorded(prompt.name + ".hidden");
    int64_t layers = hidden.size(0) - 1;
    // hidden[0] is what goes into layer 0.
    mlir::Value into = run.ofLayer<gemma::RmsNormOp>(0).getX();
    expectRows(run[into], at(hidden, 0), kHiddenTolerance, "embedding");
    for (int64_t layer = 0; layer < layers; ++layer)
      expectRows(run[run.outputOf(layer)], at(hidden, layer + 1), kHiddenTolerance,
                 "layer " + std::to_string(layer));
    expectRows(run[run.all<gemma::LinearOp>().back().getX()], recorded(prompt.name + ".final_norm"),
               kLogitsTolerance, "final norm");
    expectRows(run.logits, recorded(prompt.name + ".logits"), kLogitsTolerance, "logits");

    for (int64_t layer = 0; layer < layers; ++layer) {
      std::string number = std::to_string(layer);
      if (!has(prompt.name + ".k" + number))
        continue;
      expectRows(swapFirstAxes(run[run.ofLayer<gemma::ScoresOp>(layer).getKeys()]),
                 recorded(prompt.name + ".k" + number), kHiddenTolerance, "keys of layer " + number);
      expectRows(swapFirstAxes(run[run.ofLayer<gemma::MixOp>(layer).getValues()]),
                 recorded(prompt.name + ".v" + number), kHiddenTolerance, "values of layer " + number);
    }
    if (has(prompt.name + ".per_layer_inputs"))
      expectRows(run[run.all<gemma::SliceOp>().front().getX()], recorded(prompt.name + ".per_layer_inputs"),
                 1e-4f, "per-layer inputs");
  }
}

// A row depends on no later token, so one run over prompt and continuation shows the choice at each of its
// steps.
TEST_P(Golden, GreedyContinuations) {
  for (const Prompt &prompt : golden->prompts) {
    SCOPED_TRACE(prompt.name);
    std::vector<int32_t> ids = prompt.ids;
    ids.insert(ids.end(), prompt.greedy.begin(), prompt.greedy.end() - 1);
    Interpreter interpreter(*golden->module, *golden->weights);
    llvm::Expected<Array> logits = callForOne(interpreter, "forward", ids);
    ASSERT_TRUE(bool(logits)) << llvm::toString(logits.takeError());
    std::vector<int32_t> chosen;
    for (size_t step = 0; step < prompt.greedy.size(); ++step) {
      std::span<const float> row = std::as_const(*logits).row(prompt.ids.size() - 1 + step);
      chosen.push_back(std::ranges::max_element(row) - row.begin());
    }
    EXPECT_EQ(chosen, prompt.greedy);
  }
}

INSTANTIATE_TEST_SUITE_P(Text, Golden, testing::ValuesIn(GoldenCase::all()), [](const auto &info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(GoldenExperts, RoutingAndOutputs) {
  if (!GoldenCase::available())
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  GoldenCase golden("tiny-26b-a4b");
  ASSERT_TRUE(golden.module);
  auto recorded = openSafetensorsFile(GoldenCase::folder("tiny-26b-a4b") + "/ref/moe.safetensors");
  ASSERT_TRUE(bool(recorded)) << llvm::toString(recorded.takeError());
  // moe.json names the prompt of the record.
  Observed run(golden, golden.prompts[1].ids);
  for (gemma::TopKOp choice : run.all<gemma::TopKOp>()) {
    int64_t number = *Observed::layerOf(choice);
    std::string layer = "layer" + std::to_string(number);
    SCOPED_TRACE(layer);
    expectRows(run[choice.getProbabilities()], GoldenCase::read(**recorded, layer + ".router_probs"), 1e-4f,
               "probabilities");
    EXPECT_EQ(run[choice.getIds()].ids(), GoldenCase::read(**recorded, layer + ".topk_ids").ids());
    expectRows(run[choice.getWeights()], GoldenCase::read(**recorded, layer + ".topk_weights"), 1e-4f,
               "weights");
    if ((*recorded)->find(layer + ".experts_out"))
      expectRows(run[run.ofLayer<gemma::ExpertsOp>(number)],
                 GoldenCase::read(**recorded, layer + ".experts_out"), kHiddenTolerance,
                 "sum of the experts");
  }
}

TEST(GoldenBlocks, Load) {
  if (!GoldenCase::available())
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  auto recorded = openSafetensorsFile(GoldenCase::folder("quant-blocks") + "/blocks.safetensors");
  ASSERT_TRUE(bool(recorded)) << llvm::toString(recorded.takeError());
  for (auto [scheme, name] : {std::pair(Scheme::q8_0, "Q8_0"), std::pair(Scheme::q4_0, "Q4_0")}) {
    const SourceTensor *raw = (*recorded)->find(name + std::string(".raw"));
    Array values = GoldenCase::read(**recorded, name + std::string(".values"));
    ASSERT_EQ(raw->shape[1], storedRowBytes(scheme, values.width()));
    Array loaded = Array::zeros(values.shape());
    for (int64_t row = 0; row < values.rows(); ++row)
      loadRow(scheme, raw->bytes.data() + row * raw->shape[1], loaded.row(row));
    EXPECT_EQ(loaded.floats(), values.floats()) << name;
  }
}

// What a float row and an int8 row meet in a quantized weight are the same numbers.
TEST(GoldenBlocks, AreWhatTheInterpreterComputesWith) {
  if (!GoldenCase::available())
    GTEST_SKIP() << "no golden data in " << GEMMAC_SHARED_DIR;
  auto recorded = openSafetensorsFile(GoldenCase::folder("quant-blocks") + "/blocks.safetensors");
  ASSERT_TRUE(bool(recorded)) << llvm::toString(recorded.takeError());
  mlir::MLIRContext context;
  context.loadDialect<gemma::GemmaDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(R"(
    gemma.weight @q8 : tensor<3x512xf32> scheme q8_0 from ["Q8_0.values"]
    gemma.weight @q4 : tensor<3x512xf32> scheme q4_0 from ["Q4_0.values"])",
                                                        &context);
  for (auto op : module->getOps<gemma::WeightOp>()) {
    SCOPED_TRACE(op.getSymName().str());
    llvm::Expected<Weight> weight = readWeight(op, **recorded);
    ASSERT_TRUE(bool(weight)) << llvm::toString(weight.takeError());
    EXPECT_EQ(dequantize(*weight->blocks).floats(), weight->numbers.floats());
    // Numbers on a q4_0 grid come back; q8_0 finds its own scale, from the largest number.
    if (op.getScheme() == Scheme::q4_0)
      EXPECT_EQ(weight->numbers.floats(), GoldenCase::read(**recorded, "Q4_0.values").floats());
  }
}

} // namespace
} // namespace gemmac::reference
