//===- SplitPhases.cpp - @forward becomes the entries of a model ----------------------------------------===//
// The phases compute the same function, but differ in their results and numbers of tokens; separate copies
// let later passes use the difference.

#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Ports.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {
#define GEN_PASS_DEF_SPLITPHASES
#include "passes/Passes.h.inc"
namespace {

enum class Output {
  nothing, ///< the phase only fills the caches
  logits
};

struct Phase {
  llvm::StringLiteral name;
  Output output;
  int64_t tokens; ///< tokens of every call; 0: up to the module's `gemma.max_tokens`
};

constexpr Phase kPhases[] = {
    {"prefill", Output::nothing, 0},
    {"decode", Output::logits, 1},
    {"score", Output::logits, 0},
};

bool isStep(func::FuncOp function) {
  FunctionType type = function.getFunctionType();
  return !function.isExternal() && type.getNumInputs() == 3 &&
         llvm::all_of(type.getInputs(), llvm::IsaPred<RankedTensorType>) && type.getNumResults() == 1;
}

void returnNothing(func::FuncOp function) {
  function.getBody().back().getTerminator()->setOperands({});
  function.setFunctionType(FunctionType::get(function.getContext(), function.getArgumentTypes(), {}));
  function.removeResAttrsAttr();
}

void makePhase(const Phase &phase, func::FuncOp forward) {
  auto copy = cast<func::FuncOp>(forward->clone());
  copy.setSymName(phase.name);
  forward->getBlock()->getOperations().insert(forward->getIterator(), copy);
  if (phase.tokens)
    copy->setAttr(gemma::kTokensAttr,
                  IntegerAttr::get(IntegerType::get(copy.getContext(), 64), phase.tokens));
  if (phase.output == Output::nothing)
    returnNothing(copy);
  else
    copy.setResultAttr(0, gemma::kPortAttr, StringAttr::get(copy.getContext(), "logits"));
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
    for (const Phase &phase : kPhases)
      if (Operation *taken = getOperation().lookupSymbol(phase.name)) {
        taken->emitError() << "takes the name of a phase, @" << phase.name;
        return signalPassFailure();
      }
    for (const Phase &phase : kPhases)
      makePhase(phase, forward);
    forward.erase();
  }
};

} // namespace
} // namespace gemmac
