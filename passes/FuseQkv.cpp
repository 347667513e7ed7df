//===- FuseQkv.cpp - the projections of one attention become one linear ---------------------------------===//
// One matrix for all heads is read in one pass, and its input is quantized and loaded once.

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"
#include "passes/StackedLinear.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_FUSEQKV
#include "passes/Passes.h.inc"
namespace {

/// The linear whose result, normed and rotated, is this query, key or value.
gemma::LinearOp projectionOf(Value heads) {
  while (Operation *op = heads.getDefiningOp()) {
    if (auto linear = dyn_cast<gemma::LinearOp>(op))
      return linear;
    if (!isa<gemma::RopeOp, gemma::RmsNormOp>(op))
      return {};
    heads = op->getOperand(0);
  }
  return {};
}

/// Attention anchors the match: every layer has a query, but keys may come from an earlier layer.
struct StackProjections : OpRewritePattern<gemma::AttentionOp> {
  StackProjections(MLIRContext *context, SymbolTable &symbols)
      : OpRewritePattern(context), symbols(symbols) {}

  LogicalResult matchAndRewrite(gemma::AttentionOp attention, PatternRewriter &rewriter) const override {
    gemma::LinearOp query = projectionOf(attention.getQuery()), keys = projectionOf(attention.getKeys()),
                    values = projectionOf(attention.getValues());
    if (!query || !keys || !values)
      return rewriter.notifyMatchFailure(attention, "query, keys and values are not all projections");
    llvm::SmallVector<gemma::LinearOp> projections = {query, keys};
    if (values != keys)
      projections.push_back(values);
    if (llvm::StringRef reason = whyNotStacked(projections, symbols); !reason.empty())
      return rewriter.notifyMatchFailure(attention, reason);
    stackLinears(projections, "qkv", symbols, rewriter);
    return success();
  }

  SymbolTable &symbols;
};

struct FuseQkv : impl::FuseQkvBase<FuseQkv> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    RewritePatternSet patterns(&getContext());
    patterns.add<StackProjections>(&getContext(), symbols);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace gemmac
