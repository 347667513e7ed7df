//===- QuantizeWeights.cpp - matrices and tables get the scheme that the device stores ------------------===//

#include "dialects/gemma/Gemma.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
namespace {

constexpr int64_t kBlock = 32;

bool isBlocked(gemma::Scheme scheme) {
  return scheme == gemma::Scheme::q8_0 || scheme == gemma::Scheme::q4_0;
}

bool choosesExperts(gemma::LinearOp linear) {
  return llvm::any_of(linear->getUsers(), [](Operation *reader) {
    return isa<gemma::SoftmaxOp>(reader) &&
           llvm::any_of(reader->getUsers(), [](Operation *next) { return isa<gemma::TopKOp>(next); });
  });
}

/// The matrices of a model, and which of them stand in whole blocks beside rows in whole blocks.
class Matrices {
public:
  explicit Matrices(ModuleOp module) : symbols(module) {
    module.walk([&](Operation *op) {
      if (auto embed = dyn_cast<gemma::EmbedOp>(op))
        add(embed.getTable());
      else if (auto linear = dyn_cast<gemma::LinearOp>(op); linear && !choosesExperts(linear))
        add(linear.getWeight(), linear.getX());
      else if (auto linear = dyn_cast<gemma::ExpertLinearOp>(op))
        add(linear.getWeight(), linear.getX());
      else if (auto linear = dyn_cast<gemma::GroupedLinearOp>(op))
        add(linear.getWeight(), linear.getX());
      else if (auto experts = dyn_cast<gemma::ExpertsOp>(op)) {
        add(experts.getGateUp(), experts.getX());
        add(experts.getDown());
      }
    });
  }

  bool contains(gemma::WeightOp weight) const { return blocksFit.contains(weight); }
  bool fitBlocks(gemma::WeightOp weight) const { return blocksFit.lookup(weight); }

private:
  void add(llvm::StringRef symbol, Value rows = {}) {
    auto weight = symbols.lookup<gemma::WeightOp>(symbol);
    assert(weight && "verified: the weight exists");
    bool &fit = blocksFit.try_emplace(weight, true).first->second;
    fit &= weight.getTensorType().getShape().back() % kBlock == 0;
    if (rows)
      fit &= cast<RankedTensorType>(rows.getType()).getShape().back() % kBlock == 0;
  }

  SymbolTable symbols;
  llvm::DenseMap<gemma::WeightOp, bool> blocksFit;
};

struct QuantizeWeights : impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    std::optional<gemma::Scheme> wanted = gemma::symbolizeScheme(scheme);
    if (!wanted || *wanted == gemma::Scheme::f16) {
      getOperation().emitError() << "weights are stored as f32, bf16, q8_0 or q4_0, not '" << scheme << "'";
      return signalPassFailure();
    }
    Matrices matrices(getOperation());
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      if (!matrices.contains(weight))
        continue;
      bool declines = isBlocked(*wanted) && !matrices.fitBlocks(weight);
      weight.setScheme(declines ? gemma::Scheme::bf16 : *wanted);
      if (declines)
        mlir::emitRemark(weight.getLoc())
            << "@" << weight.getSymName() << " is stored as bf16: its rows, or those that it multiplies, "
            << "are no whole blocks of " << kBlock;
    }
  }
};

} // namespace
} // namespace gemmac
