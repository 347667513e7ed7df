//===- SplitPhases.cpp - @forward becomes @prefill, @decode and @score ----------------------------------===//
// The three compute the same function, but for different results and numbers of tokens; separate copies let
// later passes use the difference.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Ports.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_SPLITPHASES
#include "passes/Passes.h.inc"
namespace {

bool isStep(func::FuncOp function) {
  FunctionType type = function.getFunctionType();
  return !function.isExternal() && type.getNumInputs() == 3 &&
         llvm::all_of(type.getInputs(), llvm::IsaPred<RankedTensorType>) && type.getNumResults() == 1;
}

func::FuncOp copyAs(llvm::StringRef name, func::FuncOp forward) {
  auto copy = cast<func::FuncOp>(forward->clone());
  copy.setSymName(name);
  forward->getBlock()->getOperations().insert(forward->getIterator(), copy);
  return copy;
}

void returnNothing(func::FuncOp function) {
  for (auto back : function.getOps<func::ReturnOp>())
    back->setOperands({});
  function.setFunctionType(FunctionType::get(function.getContext(), function.getArgumentTypes(), {}));
  function.removeResAttrsAttr();
}

struct SplitPhases : impl::SplitPhasesBase<SplitPhases> {
  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!forward)
      return;
    if (!isStep(forward)) {
      forward.emitError() << "phases need @forward(ids, positions, visible) -> logits, but it has type "
                          << forward.getFunctionType() << "; schedule its attention first";
      return signalPassFailure();
    }
    for (llvm::StringRef name : {"prefill", "decode", "score"})
      if (Operation *taken = getOperation().lookupSymbol(name)) {
        taken->emitError() << "takes the name of a phase, @" << name;
        return signalPassFailure();
      }
    forward.setResultAttr(0, gemma::kPortAttr, StringAttr::get(&getContext(), "logits"));
    returnNothing(copyAs("prefill", forward));
    func::FuncOp decode = copyAs("decode", forward);
    decode->setAttr(gemma::kTokensAttr, IntegerAttr::get(IntegerType::get(&getContext(), 64), 1));
    copyAs("score", forward);
    forward.erase();
  }
};

} // namespace
} // namespace gemmac
