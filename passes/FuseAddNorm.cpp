//===- FuseAddNorm.cpp - a normed branch joins the residual stream in one op ----------------------------===//
// The additions keep their order, so the result is the same to the last bit.

#include "dialects/gemma/Gemma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSEADDNORM
#include "passes/Passes.h.inc"
namespace {

gemma::RmsNormOp weightedNormOnlyFor(Value value) {
  auto norm = value.getDefiningOp<gemma::RmsNormOp>();
  return norm && norm.getWeight() && norm->hasOneUse() ? norm : gemma::RmsNormOp();
}

struct AddNorm : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp sum, PatternRewriter &rewriter) const override {
    // If both sides are norms (dense branch and experts), the right one is fused and the left one is the
    // residual.
    Value residual = sum.getLhs();
    gemma::RmsNormOp norm = weightedNormOnlyFor(sum.getRhs());
    if (!norm) {
      residual = sum.getRhs();
      norm = weightedNormOnlyFor(sum.getLhs());
    }
    if (!norm)
      return rewriter.notifyMatchFailure(sum, "no side is a weighted norm that only this sum reads");
    auto fused =
        gemma::AddNormOp::create(rewriter, sum.getLoc(), norm.getType(), residual, norm.getX(),
                                 norm.getWeightAttr(), norm.getEpsAttr(), /*scalar=*/FlatSymbolRefAttr());
    rewriter.replaceOp(sum, inLayerOf(sum, fused));
    return success();
  }
};

struct ScaleSum : OpRewritePattern<gemma::ScaleOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gemma::ScaleOp scale, PatternRewriter &rewriter) const override {
    auto sum = scale.getX().getDefiningOp<gemma::AddNormOp>();
    if (!sum || !sum->hasOneUse() || sum.getScalar())
      return rewriter.notifyMatchFailure(scale, "not the only reader of an unscaled sum");
    if (!scale.getScalar())
      return rewriter.notifyMatchFailure(scale, "the factor is a constant, not a weight");
    rewriter.modifyOpInPlace(sum, [&] { sum.setScalarAttr(scale.getScalarAttr()); });
    rewriter.replaceOp(scale, sum);
    return success();
  }
};

struct FuseAddNorm : impl::FuseAddNormBase<FuseAddNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AddNorm, ScaleSum>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
