//===- LowerExperts.cpp - gathers experts for one token, groups tokens by expert for many ---------------===//
// n tokens, E experts of which each token uses K, hidden size H, expert width F. Expert matrices are most of
// the model: one token reads only its K, many tokens read each matrix once.

#include "dialects/gemma/Gemma.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_LOWEREXPERTS
#include "passes/Passes.h.inc"
namespace {

class Lowering {
public:
  Lowering(gemma::ExpertsOp experts, RankedTensorType gateUp)
      : experts(experts), builder(experts), numExperts(gateUp.getDimSize(0)),
        width(gateUp.getDimSize(1) / 2) {}

  void gather() {
    int64_t choices = experts.getIds().getType().getDimSize(1), hidden = experts.getType().getDimSize(1);
    Value gateUp = create<gemma::ExpertLinearOp>(floats({tokens(), choices, 2 * width}), experts.getX(),
                                                 experts.getIds(), experts.getGateUpAttr());
    Value inner = activate(gateUp, floats({tokens(), choices, width}));
    Value outer = create<gemma::ExpertLinearOp>(floats({tokens(), choices, hidden}), inner, experts.getIds(),
                                                experts.getDownAttr());
    replaceBy(create<gemma::CombineOp>(experts.getType(), outer, experts.getWeights()));
  }

  void group() {
    int64_t choices = experts.getIds().getType().getDimSize(1), hidden = experts.getType().getDimSize(1);
    int64_t pairs = ShapedType::isDynamic(tokens()) ? tokens() : tokens() * choices;
    auto groups = create<gemma::GroupByExpertOp>(ids({pairs}), experts.getIds().getType(),
                                                 ids({numExperts + 1}), experts.getIds());
    Value rows = create<gemma::GatherTokensOp>(floats({pairs, hidden}), experts.getX(), groups.getOrder(),
                                               builder.getI64IntegerAttr(choices));
    Value gateUp = create<gemma::GroupedLinearOp>(floats({pairs, 2 * width}), rows, groups.getOffsets(),
                                                  experts.getGateUpAttr());
    Value inner = activate(gateUp, floats({pairs, width}));
    Value outer = create<gemma::GroupedLinearOp>(floats({pairs, hidden}), inner, groups.getOffsets(),
                                                 experts.getDownAttr());
    replaceBy(
        create<gemma::CombineGroupsOp>(experts.getType(), outer, groups.getPlace(), experts.getWeights()));
  }

private:
  template <typename Op, typename... Args>
  Op create(Args &&...args) {
    return inLayerOf(experts, Op::create(builder, experts.getLoc(), std::forward<Args>(args)...));
  }

  /// The gate is the first half of the last axis, up the second.
  Value activate(Value gateUp, RankedTensorType half) {
    int64_t last = half.getRank() - 1;
    Value gate = create<gemma::SliceOp>(half, gateUp, last, 0, /*drop=*/false);
    Value up = create<gemma::SliceOp>(half, gateUp, last, width, /*drop=*/false);
    return create<gemma::GeluMulOp>(half, gate, up);
  }

  void replaceBy(Operation *result) {
    experts.replaceAllUsesWith(result->getResult(0));
    experts.erase();
  }

  int64_t tokens() { return experts.getType().getDimSize(0); }
  RankedTensorType floats(llvm::ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getF32Type());
  }
  RankedTensorType ids(llvm::ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, builder.getI32Type());
  }

  gemma::ExpertsOp experts;
  OpBuilder builder;
  int64_t numExperts, width;
};

struct LowerExperts : impl::LowerExpertsBase<LowerExperts> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    getOperation().walk([&](gemma::ExpertsOp experts) {
      auto gateUp = symbols.lookup<gemma::WeightOp>(experts.getGateUp());
      assert(gateUp && "experts-c1 says that the weight exists");
      auto tokens = experts->getParentOfType<func::FuncOp>()->getAttrOfType<IntegerAttr>("gemma.tokens");
      Lowering lowering(experts, gateUp.getTensorType());
      if (tokens && tokens.getInt() == 1)
        lowering.gather();
      else
        lowering.group();
    });
  }
};

} // namespace
} // namespace gemmac
