//===- FuseSoftcap.cpp - the linear that computes the logits caps them ----------------------------------===//
// Logits are capped while they are still in registers, by the kernel that computes them.

#include "dialects/gemma/Gemma.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSESOFTCAP
#include "passes/Passes.h.inc"
namespace {

struct CapLinear : OpRewritePattern<gemma::SoftcapOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gemma::SoftcapOp softcap, PatternRewriter &rewriter) const override {
    auto linear = softcap.getX().getDefiningOp<gemma::LinearOp>();
    if (!linear || !linear->hasOneUse() || linear.getCap())
      return rewriter.notifyMatchFailure(softcap, "not the only reader of an uncapped linear");
    rewriter.modifyOpInPlace(linear, [&] { linear.setCapAttr(softcap.getCapAttr()); });
    rewriter.replaceOp(softcap, linear);
    return success();
  }
};

struct FuseSoftcap : impl::FuseSoftcapBase<FuseSoftcap> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<CapLinear>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
