//===- FuseAttention.cpp - scores, mask, softmax and mix become one attention ---------------------------===//
// The chain materializes (tokens, heads, tokens) scores; the fused op never does.

#include "dialects/gemma/Gemma.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSEATTENTION
#include "passes/Passes.h.inc"
namespace {

/// The op that defines `value`, if this is its only user.
template <typename Op>
Op onlyFor(Value value) {
  return value.hasOneUse() ? value.getDefiningOp<Op>() : Op();
}

struct CollectAttention : OpRewritePattern<gemma::MixOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gemma::MixOp mix, PatternRewriter &rewriter) const override {
    auto softmax = onlyFor<gemma::SoftmaxOp>(mix.getProbabilities());
    auto mask = softmax ? onlyFor<gemma::MaskOp>(softmax.getX()) : gemma::MaskOp();
    auto scores = mask ? onlyFor<gemma::ScoresOp>(mask.getScores()) : gemma::ScoresOp();
    if (!scores)
      return rewriter.notifyMatchFailure(mix, "no chain of scores, mask and softmax that only this op reads");
    if (scores.getKeys().getType() != mix.getValues().getType())
      return rewriter.notifyMatchFailure(mix, "keys and values differ in shape");
    auto attention =
        gemma::AttentionOp::create(rewriter, mix.getLoc(), mix.getType(), scores.getQuery(), scores.getKeys(),
                                   mix.getValues(), scores.getScaleAttr(), mask.getWindowAttr());
    rewriter.replaceOp(mix, inLayerOf(mix, attention));
    return success();
  }
};

struct FuseAttention : impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<CollectAttention>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
