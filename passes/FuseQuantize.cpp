//===- FuseQuantize.cpp - norms and gated products write int8 rows directly -----------------------------===//
// Their float rows never reach memory. The numbers are those of the two separate ops.

#include "dialects/gemma/Gemma.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSEQUANTIZE
#include "passes/Passes.h.inc"
namespace {

struct QuantizeResult : OpRewritePattern<gemma::QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(gemma::QuantizeOp quantize, PatternRewriter &rewriter) const override {
    Operation *maker = quantize.getX().getDefiningOp();
    if (!isa_and_nonnull<gemma::RmsNormOp, gemma::GeluMulOp>(maker))
      return rewriter.notifyMatchFailure(quantize, "the rows' maker is no norm or gated product");
    if (!maker->hasOneUse())
      return rewriter.notifyMatchFailure(quantize, "something else reads the float rows");
    rewriter.modifyOpInPlace(maker, [&] { maker->getResult(0).setType(quantize.getType()); });
    rewriter.replaceOp(quantize, maker);
    return success();
  }
};

struct FuseQuantize : impl::FuseQuantizeBase<FuseQuantize> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<QuantizeResult>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
