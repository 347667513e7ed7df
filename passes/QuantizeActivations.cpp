//===- QuantizeActivations.cpp - inputs of quantized matrices become int8 -------------------------------===//
// Integer dot products need two integer operands; one quantized row then serves all matrices that read it.

#include "dialects/gemma/Gemma.h"
#include "passes/Layer.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "passes/Passes.h.inc"
namespace {

struct QuantizeActivations : impl::QuantizeActivationsBase<QuantizeActivations> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    llvm::DenseMap<Value, Value> bytes;
    auto meetsQuantized = [&](OpOperand &rows) {
      auto reader = dyn_cast<gemma::MatrixOp>(rows.getOwner());
      return reader && &reader.getRowsOperand() == &rows &&
             isQuantized(symbols.lookup<gemma::WeightOp>(reader.getMatrix().getAttr()).getScheme());
    };
    getOperation().walk([&](gemma::MatrixOp op) {
      if (meetsQuantized(op.getRowsOperand()))
        quantize(op.getRowsOperand(), meetsQuantized, bytes);
    });
  }

  void quantize(OpOperand &rows, llvm::function_ref<bool(OpOperand &)> meetsQuantized,
                llvm::DenseMap<Value, Value> &bytes) {
    auto type = cast<RankedTensorType>(rows.get().getType());
    if (!type.getElementType().isF32() || type.getShape().back() % kBlock != 0)
      return;
    auto encoded = RankedTensorType::get(type.getShape(), IntegerType::get(&getContext(), 8),
                                         gemma::BlocksAttr::get(&getContext(), kBlock));
    // A token goes to several experts: it is quantized once, and gathered as int8.
    if (auto gather = rows.get().getDefiningOp<gemma::GatherTokensOp>();
        gather && llvm::all_of(gather->getUses(), meetsQuantized)) {
      quantize(gather.getXMutable(), meetsQuantized, bytes);
      gather.getResult().setType(encoded);
      return;
    }
    Value &quantized = bytes[rows.get()];
    if (!quantized) {
      // Insert right after the definition of the rows, so that it dominates all their readers.
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(rows.get());
      quantized = inLayerOf(rows.getOwner(), gemma::QuantizeOp::create(builder, rows.getOwner()->getLoc(),
                                                                       encoded, rows.get()));
    }
    rows.set(quantized);
  }
};

} // namespace
} // namespace gemmac
