//===- FuseGatedMlp.cpp - gate and up become one linear, gelu(gate) * up one op -------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Layer.h"
#include "passes/Passes.h"
#include "passes/StackedLinear.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSEGATEDMLP
#include "passes/Passes.h.inc"
namespace {

struct MultiplyGelu : OpRewritePattern<arith::MulFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::MulFOp product, PatternRewriter &rewriter) const override {
    auto gelu = product.getLhs().getDefiningOp<gemma::GeluOp>();
    Value other = product.getRhs();
    if (!gelu) {
      gelu = product.getRhs().getDefiningOp<gemma::GeluOp>();
      other = product.getLhs();
    }
    if (!gelu || !gelu->hasOneUse())
      return rewriter.notifyMatchFailure(product, "no factor is a gelu that only this product reads");
    auto fused = gemma::GeluMulOp::create(rewriter, product.getLoc(), gelu.getType(), gelu.getX(), other);
    rewriter.replaceOp(product, inLayerOf(product, fused));
    return success();
  }
};

struct StackGateAndUp : OpRewritePattern<gemma::GeluMulOp> {
  StackGateAndUp(MLIRContext *context, SymbolTable &symbols) : OpRewritePattern(context), symbols(symbols) {}

  LogicalResult matchAndRewrite(gemma::GeluMulOp product, PatternRewriter &rewriter) const override {
    auto gate = product.getGate().getDefiningOp<gemma::LinearOp>();
    auto up = product.getUp().getDefiningOp<gemma::LinearOp>();
    if (!gate || !up || gate == up)
      return rewriter.notifyMatchFailure(product, "gate and up are not two projections");
    if (llvm::StringRef reason = whyNotStacked({gate, up}, symbols); !reason.empty())
      return rewriter.notifyMatchFailure(product, reason);
    stackLinears({gate, up}, "gate_up", symbols, rewriter);
    return success();
  }

  SymbolTable &symbols;
};

struct FuseGatedMlp : impl::FuseGatedMlpBase<FuseGatedMlp> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<MultiplyGelu>(&getContext());
    patterns.add<StackGateAndUp>(&getContext(), symbols);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
