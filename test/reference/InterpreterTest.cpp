//===- InterpreterTest.cpp - weights, caches and what a caller can get wrong ----------------------------===//

#include "compiler/reference/Interpreter.h"
#include "compiler/reference/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "test/reference/MadeUpWeights.h"

#include <gtest/gtest.h>

namespace gemmac::reference {
namespace {

/// Tensors as a test writes them down.
class Tensors : public WeightSource {
public:
  void add(const std::string &name, std::vector<int64_t> shape, std::vector<float> numbers) {
    Entry &entry = entries[name];
    entry.numbers = std::move(numbers);
    auto *bytes = reinterpret_cast<const uint8_t *>(entry.numbers.data());
    entry.view = {name, "f32", std::move(shape), {bytes, entry.numbers.size() * sizeof(float)}};
  }
  const SourceTensor *find(std::string_view name) const override {
    auto found = entries.find(name);
    return found == entries.end() ? nullptr : &found->second.view;
  }
  std::vector<std::string> names() const override { return {}; }
  std::string fileOf(std::string_view) const override { return "written down"; }

private:
  struct Entry {
    std::vector<float> numbers;
    SourceTensor view;
  };
  std::map<std::string, Entry, std::less<>> entries;
};

class InterpreterTest : public testing::Test {
protected:
  InterpreterTest() {
    context.loadDialect<gemma::GemmaDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect>();
  }

  void parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    interpreter.emplace(*module, tensors);
  }

  std::vector<float> call(llvm::ArrayRef<int32_t> ids, int64_t position = 0) {
    llvm::Expected<Array> result = callForOne(*interpreter, "forward", ids, position);
    if (result)
      return result->floats();
    ADD_FAILURE() << llvm::toString(result.takeError());
    return {};
  }

  std::string errorOf(llvm::ArrayRef<int32_t> ids, int64_t position = 0) {
    return llvm::toString(interpreter->call("forward", ids, position).takeError());
  }

  Tensors tensors;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::optional<Interpreter> interpreter;
};

TEST_F(InterpreterTest, StacksSourcesAlongRows) {
  tensors.add("a", {1, 2}, {1, 2});
  tensors.add("b", {2, 2}, {3, 4, 5, 6});
  parse(R"(
    gemma.weight @w : tensor<3x2xf32> from ["a", "b"]
    func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
      %x = gemma.embed %ids, @w scale 1.0 : tensor<?xi32> -> tensor<?x2xf32>
      return %x : tensor<?x2xf32>
    })");
  EXPECT_EQ(call({2, 0}), (std::vector<float>{5, 6, 1, 2}));
}

TEST_F(InterpreterTest, StacksExpertsAlongTheSecondAxis) {
  tensors.add("table", {1, 1}, {1});
  tensors.add("scale", {2}, {1, 1});
  tensors.add("gate", {2, 1, 1}, {1, 2});
  tensors.add("up", {2, 1, 1}, {10, 20});
  parse(R"(
    gemma.weight @table : tensor<1x1xf32> from ["table"]
    gemma.weight @scale : tensor<2xf32> from ["scale"]
    gemma.weight @gate_up : tensor<2x2x1xf32> from ["gate", "up"]
    gemma.weight @router : tensor<2x1xf32> from ["scale"]
    func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2x2xf32> {
      %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x1xf32>
      %p = gemma.linear %x, @router : tensor<?x1xf32> -> tensor<?x2xf32>
      %w, %e = gemma.top_k %p, @scale : tensor<?x2xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
      %y = gemma.expert_linear %x, %e, @gate_up : tensor<?x1xf32>, tensor<?x2xi32> -> tensor<?x2x2xf32>
      return %y : tensor<?x2x2xf32>
    })");
  EXPECT_EQ(call({0}), (std::vector<float>{1, 10, 2, 20}));
}

TEST_F(InterpreterTest, AddsOne) {
  tensors.add("norm", {2}, {0, 1});
  tensors.add("table", {1, 2}, {1, 1});
  parse(R"(
    gemma.weight @table : tensor<1x2xf32> from ["table"]
    gemma.weight @norm : tensor<2xf32> add_one from ["norm"]
    func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
      %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x2xf32>
      %y = gemma.rms_norm %x, @norm eps 1.0e-12 : tensor<?x2xf32>
      return %y : tensor<?x2xf32>
    })");
  EXPECT_EQ(call({0}), (std::vector<float>{1, 2}));
}

TEST_F(InterpreterTest, RoundsWeightsToTheirScheme) {
  // The nearest bfloat16 of 1 + 2^-9 is 1.
  tensors.add("table", {1, 1}, {1.0f + 0x1p-9f});
  parse(R"(
    gemma.weight @table : tensor<1x1xf32> scheme bf16 from ["table"]
    func.func @forward(%ids: tensor<?xi32>) -> tensor<?x1xf32> {
      %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x1xf32>
      return %x : tensor<?x1xf32>
    })");
  EXPECT_EQ(call({0}), (std::vector<float>{1}));
}

TEST_F(InterpreterTest, MultipliesTheIntegersOfQuantizedRows) {
  // q8_0 of numbers up to 127 / 4: scale 1/4, all exact. The activations' scale is 2.
  std::vector<float> row(32, 0.25f), x(32, 2);
  row[0] = 31.75f;
  x[0] = 254;
  for (std::string scheme : {"q8_0", "q4_0"}) {
    if (scheme == "q4_0")
      row[0] = -2; // -8 * 1/4
    tensors.add("w", {1, 32}, row);
    tensors.add("table", {1, 32}, x);
    parse(R"(
      gemma.weight @table : tensor<1x32xf32> from ["table"]
      gemma.weight @w : tensor<1x32xf32> scheme )" +
          scheme + R"( from ["w"]
      func.func @forward(%ids: tensor<?xi32>) -> tensor<?x1xf32> {
        %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x32xf32>
        %q = gemma.quantize %x : tensor<?x32xf32> -> tensor<?x32xi8, #gemma.blocks<32>>
        %y = gemma.linear %q, @w : tensor<?x32xi8, #gemma.blocks<32>> -> tensor<?x1xf32>
        return %y : tensor<?x1xf32>
      })");
    EXPECT_EQ(call({0}), (std::vector<float>{row[0] * 254 + 31 * 0.25f * 2})) << scheme;
  }
}

constexpr const char *kCached = R"(
  gemma.weight @table : tensor<4x2xf32> from ["table"]
  gemma.cache @cache : tensor<3x1x2xf32>
  func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi32> {gemma.port = "positions"},
                     %visible: tensor<?xi32> {gemma.port = "visible"}) -> tensor<?x1x2xf32> {
    %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x1x2xf32>
    gemma.cache_write %x, %x, @cache at %positions : tensor<?x1x2xf32>
    %y = gemma.cached_attention %x, @cache at %positions seeing %visible scale 0.0 window 2 : tensor<?x1x2xf32>
    return %y : tensor<?x1x2xf32>
  })";

TEST_F(InterpreterTest, KeepsCachesUntilReset) {
  tensors.add("table", {4, 2}, {0, 2, 4, 6, 8, 10, 12, 14});
  parse(kCached);
  // A scale of 0 makes attention the mean of what is visible.
  EXPECT_EQ(call({0, 1}, 0), (std::vector<float>{0, 2, 2, 4}));
  EXPECT_EQ(call({2, 3}, 2), (std::vector<float>{6, 8, 10, 12}));
  interpreter->reset();
  EXPECT_EQ(call({3}, 1), (std::vector<float>{6, 7}));
}

TEST_F(InterpreterTest, RefusesPositionsThatTheCacheDoesNotHold) {
  tensors.add("table", {4, 2}, std::vector<float>(8));
  parse(kCached);
  EXPECT_NE(errorOf({0, 1, 2, 3}, 0)
                .find("'gemma.cache_write' needs positions 0 to 3, but cache @cache has 3 slots"),
            std::string::npos);
  EXPECT_NE(errorOf({0, 1, 2}, 1).find("'gemma.cached_attention' needs positions 0 to 3"), std::string::npos);
}

TEST_F(InterpreterTest, ShowsEveryResult) {
  tensors.add("table", {4, 2}, std::vector<float>(8));
  parse(kCached);
  std::vector<std::string> seen;
  interpreter->observe([&](mlir::Value value, const Array &) {
    seen.push_back(value.getDefiningOp()->getName().getStringRef().str());
  });
  call({0}, 0);
  EXPECT_EQ(seen, (std::vector<std::string>{"gemma.embed", "gemma.cached_attention"}));
}

constexpr const char *kPlain = R"(
  gemma.weight @table : tensor<4x2xf32> from ["table"]
  func.func @forward(%ids: tensor<?xi32>) -> tensor<?x2xf32> {
    %x = gemma.embed %ids, @table scale 1.0 : tensor<?xi32> -> tensor<?x2xf32>
    %y = arith.negf %x : tensor<?x2xf32>
    return %y : tensor<?x2xf32>
  })";

TEST_F(InterpreterTest, NamesTheOpThatItDoesNotKnow) {
  tensors.add("table", {4, 2}, std::vector<float>(8));
  parse(kPlain);
  EXPECT_NE(errorOf({0}).find("'arith.negf' has no meaning"), std::string::npos);
}

TEST_F(InterpreterTest, NamesTheTensorThatIsMissingOrDoesNotFit) {
  parse(kPlain);
  EXPECT_EQ(errorOf({0}), "weight @table: the checkpoint has no tensor 'table'");
  tensors.add("table", {3, 2}, std::vector<float>(6));
  EXPECT_EQ(errorOf({0}), "weight @table: its tensors have 3 rows, but 4 are needed");
  tensors.add("table", {5, 2}, std::vector<float>(10));
  EXPECT_EQ(errorOf({0}), "weight @table: tensor table has 5 rows, more than fit");
}

TEST_F(InterpreterTest, RefusesTokensOutsideTheTable) {
  tensors.add("table", {4, 2}, std::vector<float>(8));
  parse(kPlain);
  EXPECT_NE(errorOf({4}).find("token 4 is outside a table of 4 rows"), std::string::npos);
  EXPECT_NE(errorOf({-1}).find("token -1 is outside"), std::string::npos);
}

TEST_F(InterpreterTest, NamesTheFunctionThatIsMissing) {
  parse(kPlain);
  EXPECT_EQ(llvm::toString(interpreter->call("decode", {0}).takeError()),
            "the module has no function @decode");
}

TEST(MadeUpWeights, AreTheSameStackedOrAlone) {
  mlir::MLIRContext context;
  context.loadDialect<gemma::GemmaDialect>();
  auto alone = mlir::parseSourceString<mlir::ModuleOp>(R"(
    gemma.weight @a : tensor<1x4xf32> from ["a"]
    gemma.weight @b : tensor<2x4xf32> from ["b"])",
                                                       &context);
  auto stacked = mlir::parseSourceString<mlir::ModuleOp>(
      R"(gemma.weight @ab : tensor<3x4xf32> from ["a", "b"])", &context);
  MadeUpWeights weights(7);
  weights.add(*alone);
  weights.add(*stacked);
  EXPECT_EQ(weights.find("a")->shape, (std::vector<int64_t>{1, 4}));
  EXPECT_EQ(weights.find("b")->shape, (std::vector<int64_t>{2, 4}));
}

} // namespace
} // namespace gemmac::reference
