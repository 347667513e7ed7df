//===- PassProof.cpp - no pass changes what a model computes --------------------------------------------===//

#include "compiler/verify/PassProof.h"

#include "compiler/reference/Interpreter.h"
#include "compiler/verify/MemoryCheck.h"
#include "compiler/verify/PlanInterpreter.h"
#include "compiler/verify/Results.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"

#include <algorithm>

using namespace mlir;

namespace gemmac::verify {
namespace {

/// Shows the module to `check` after each pass that ran on it or on a function of it.
class AfterEachPass : public PassInstrumentation {
public:
  using Check = llvm::function_ref<void(llvm::StringRef pass)>;
  explicit AfterEachPass(Check check) : check(check) {}

  void runAfterPass(Pass *pass, Operation *) override {
    // What has no argument is no pass of ours, but MLIR's own way to reach nested ops.
    if (!pass->getArgument().empty())
      check(pass->getArgument());
  }

private:
  Check check;
};

/// Tensors have become buffers.
bool isPlan(ModuleOp module) {
  return llvm::any_of(module.getOps<func::FuncOp>(),
                      [](func::FuncOp function) { return function->hasAttr("plan.tokens"); });
}

/// What checkMemory says, in one line; empty if nothing.
std::string memoryErrors(ModuleOp plan) {
  std::string errors;
  ScopedDiagnosticHandler handler(plan.getContext(), [&](Diagnostic &diagnostic) {
    errors += (errors.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  return succeeded(checkMemory(plan)) ? "" : errors;
}

class Prover {
public:
  Prover(ModuleOp module, const WeightSource &weights, const ProofOptions &options)
      : module(module), weights(weights), packed(weights), options(options),
        bounds(boundsFor(module, options)), fingerprint(module) {}

  /// What the module means before the first pass.
  void begin() { look("import", /*first=*/true); }

  void look(llvm::StringRef pass, bool first = false) {
    if (proof.deviation)
      return;
    OperationFingerPrint now(module);
    if (!first)
      proof.passes.push_back({pass.str(), now != fingerprint, 0});
    if (!first && now == fingerprint)
      return;
    fingerprint = now;
    Deviation deviation;
    std::optional<std::vector<Cut>> cuts;
    if (isPlan(module))
      deviation.error = memoryErrors(module);
    if (deviation.error.empty())
      cuts = runEveryCut(*runner(), options, deviation);
    if (!cuts)
      proof.deviation = deviation;
    else if (!first)
      proof.deviation = changesOf(pass, *cuts);
    if (cuts && !proof.deviation)
      proof.deviation = disagreement(*cuts);
    if (proof.deviation)
      proof.deviation->pass = pass.str();
    else
      before = std::move(*cuts);
  }

  Proof take() { return std::move(proof); }

private:
  static std::vector<Bound> boundsFor(ModuleOp module, const ProofOptions &options) {
    if (options.bounds)
      return *options.bounds;
    bool routed = false;
    module.walk([&](gemma::TopKOp) { routed = true; });
    return boundsOf(options.pipeline, routed);
  }

  std::unique_ptr<reference::Runner> runner() {
    if (isPlan(module))
      return std::make_unique<PlanInterpreter>(module, packed);
    return std::make_unique<reference::Interpreter>(module, weights);
  }

  double boundOf(llvm::StringRef pass, const Cut &cut) const {
    double bound = 0;
    for (const Bound &each : bounds)
      if (each.pass == pass && (cut.oneToken() || !each.oneToken))
        bound = std::max(bound, each.relative);
    return bound;
  }

  /// The same cut before the pass; the whole sequence where there was none.
  const Cut &counterpart(const Cut &cut) const {
    auto same = llvm::find_if(
        before, [&](const Cut &other) { return other.entry == cut.entry && other.how == cut.how; });
    return same == before.end() ? before.front() : *same;
  }

  std::optional<Deviation> changesOf(llvm::StringRef pass, const std::vector<Cut> &cuts) {
    for (const Cut &cut : cuts) {
      Deviation deviation = compare(cut, counterpart(cut), boundOf(pass, cut));
      if (!deviation.within())
        return deviation;
      double &largest = proof.passes.back().relative;
      largest = std::max(largest, deviation.relative);
    }
    return std::nullopt;
  }

  /// Whatever a pass rounds, all cuts give the same bits. Only in a plan has one token kernels of its own.
  std::optional<Deviation> disagreement(const std::vector<Cut> &cuts) {
    for (const Cut &cut : cuts) {
      auto first = llvm::find_if(
          cuts, [&](const Cut &other) { return !isPlan(module) || other.oneToken() == cut.oneToken(); });
      if (Deviation deviation = compare(cut, *first, 0); !deviation.within())
        return deviation;
    }
    return std::nullopt;
  }

  ModuleOp module;
  const WeightSource &weights;
  PackedWeights packed;
  const ProofOptions &options;
  std::vector<Bound> bounds;
  OperationFingerPrint fingerprint;
  std::vector<Cut> before;
  Proof proof;
};

llvm::Error addStages(PassManager &passes, const ProofOptions &options) {
  auto find = [](llvm::StringRef name) {
    return llvm::find_if(stages(), [&](const Stage &stage) { return stage.name == name; });
  };
  auto first = options.firstStage.empty() ? stages().begin() : find(options.firstStage);
  auto last = options.lastStage.empty() ? std::prev(stages().end()) : find(options.lastStage);
  for (auto [stage, name] : {std::pair(first, &options.firstStage), {last, &options.lastStage}})
    if (stage == stages().end())
      return llvm::createStringError("there is no stage '" + *name + "'");
  if (last < first)
    return llvm::createStringError("stage '" + options.lastStage + "' stands before '" + options.firstStage +
                                   "'");
  for (const Stage *stage = first; stage <= last; ++stage)
    stage->add(passes, options.pipeline);
  return llvm::Error::success();
}

/// While it lives, passes of the context run on one thread.
class OneThread {
public:
  explicit OneThread(MLIRContext &context) : context(context), many(context.isMultithreadingEnabled()) {
    context.disableMultithreading();
  }
  ~OneThread() {
    if (many)
      context.enableMultithreading();
  }

private:
  MLIRContext &context;
  bool many;
};

} // namespace

llvm::Expected<Proof> provePasses(ModuleOp module, const WeightSource &weights, const ProofOptions &options) {
  assert(!options.ids.empty() && !options.chunks.empty() && "there is a sequence, and a cut of it");
  OneThread oneThread(*module.getContext());
  Prover prover(module, weights, options);
  prover.begin();
  PassManager passes(module.getContext());
  auto look = [&](llvm::StringRef pass) { prover.look(pass); };
  passes.addInstrumentation(std::make_unique<AfterEachPass>(look));
  if (llvm::Error error = addStages(passes, options))
    return error;
  if (failed(passes.run(module)))
    return llvm::createStringError("a pass failed: the diagnostics say why");
  return prover.take();
}

} // namespace gemmac::verify
