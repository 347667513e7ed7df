//===- QuantizeWeights.cpp - matrices and tables get the scheme that the device stores ------------------===//

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "passes/Passes.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
namespace {

constexpr int64_t kBlock = 32;

bool isBlocked(gemma::Scheme scheme) {
  return scheme == gemma::Scheme::q8_0 || scheme == gemma::Scheme::q4_0;
}

/// The narrowest scheme of ours that loses nothing of what a file's scheme holds, or next to nothing: blocks
/// of at most six bits a number, whatever their scales, are finer in blocks of eight.
gemma::Scheme holding(llvm::StringRef stored) {
  return llvm::StringSwitch<gemma::Scheme>(stored)
      .Cases({"f32", "f16"}, gemma::Scheme::f32)
      .Case("bf16", gemma::Scheme::bf16)
      .Case("q4_0", gemma::Scheme::q4_0)
      .Default(gemma::Scheme::q8_0);
}

/// Of a stack, what holds the widest of its sources.
gemma::Scheme schemeOfFile(gemma::WeightOp weight) {
  auto stored = weight->getAttrOfType<ArrayAttr>(gemma::kStoredAttr);
  if (!stored || stored.empty())
    return gemma::Scheme::f32;
  static_assert(gemma::Scheme::f32 < gemma::Scheme::bf16 && gemma::Scheme::bf16 < gemma::Scheme::q8_0 &&
                    gemma::Scheme::q8_0 < gemma::Scheme::q4_0,
                "wider schemes come first");
  gemma::Scheme widest = gemma::Scheme::q4_0;
  for (llvm::StringRef scheme : stored.getAsValueRange<StringAttr>())
    widest = std::min(widest, holding(scheme));
  return widest;
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
    std::optional<gemma::Scheme> one = gemma::symbolizeScheme(scheme);
    if (scheme != "file" && (!one || *one == gemma::Scheme::f16)) {
      getOperation().emitError()
          << "weights are stored as f32, bf16, q8_0 or q4_0, or as in their file, not '" << scheme << "'";
      return signalPassFailure();
    }
    Matrices matrices(getOperation());
    for (auto weight : getOperation().getOps<gemma::WeightOp>()) {
      if (!matrices.contains(weight))
        continue;
      gemma::Scheme wanted = one ? *one : schemeOfFile(weight);
      bool declines = isBlocked(wanted) && !matrices.fitBlocks(weight);
      weight.setScheme(declines ? gemma::Scheme::bf16 : wanted);
      if (declines)
        mlir::emitRemark(weight.getLoc())
            << "@" << weight.getSymName() << " is stored as bf16: its rows, or those that it multiplies, "
            << "are no whole blocks of " << kBlock;
    }
  }
};

} // namespace
} // namespace gemmac
