//===- Pipeline.cpp - the table of contents of the compiler ---------------------------------------------===//

#include "passes/Pipeline.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;

namespace gemmac {

static void addFuse(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createFuseAttention());
  // Projections are found from the attention that they feed.
  pm.addPass(createFuseQkv());
  pm.addPass(createFuseGatedMlp());
  pm.addPass(createFuseAddNorm());
  pm.addPass(createFuseSoftcap());
}

static void addSchedule(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createScheduleAttention());
  pm.addPass(createReduceCaches());
  // Caches have their final shapes from here on, and @forward is a step at a position.
  pm.addPass(createSplitPhases());
  pm.addNestedPass<func::FuncOp>(createDropDeadTail());
}

static void addExperts(OpPassManager &pm, const PipelineOptions &options) {
  // Phases differ from here on: one token gathers the matrices of its experts, many tokens are grouped by
  // expert.
  pm.addPass(createLowerExperts());
}

static void addQuantize(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createQuantizeWeights({options.scheme}));
  // Weights are stacked and final: their scheme decides the type of the rows that they are multiplied with.
  pm.addPass(createQuantizeActivations());
  pm.addPass(createFuseQuantize());
  pm.addPass(createQuantizeKvCache({options.cacheScheme}));
}

static void addSelect(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createCSEPass());
  pm.addPass(createSelectKernels({options.target}));
}

static void addPlan(OpPassManager &pm, const PipelineOptions &options) {
  pm.addPass(createConvertGemmaToPlan());
  // Layers are compared before buffers get offsets, which depend on other buffers with overlapping live
  // ranges.
  pm.addPass(createOutlineLayers());
  pm.addPass(createAssignArena());
  // All buffers have offsets from here on, so views and their index arithmetic fold to an offset and sizes.
  pm.addPass(createPlaceArguments());
}

static const Stage kStages[] = {
    {"fuse", "neighbours become what one kernel can do", addFuse},
    {"schedule", "prefill and decode part; sliding layers get ring caches", addSchedule},
    {"experts", "experts are gathered for one token and grouped for many", addExperts},
    {"quantize", "weights, activations and caches take their stored types", addQuantize},
    {"select", "every op names the kernel that will run it", addSelect},
    {"plan", "buffers have offsets; what is left is a list of calls", addPlan},
};

llvm::ArrayRef<Stage> stages() {
  return kStages;
}

bool addStagesThrough(OpPassManager &pm, const PipelineOptions &options, llvm::StringRef lastStage) {
  const Stage *last = llvm::find_if(kStages, [&](const Stage &stage) { return stage.name == lastStage; });
  if (last == std::end(kStages))
    return false;
  for (const Stage &stage : llvm::make_range(std::begin(kStages), last + 1))
    stage.add(pm, options);
  return true;
}

namespace {
/// PipelineOptions as gemmac-opt reads them.
struct StageFlags : PassPipelineOptions<StageFlags> {
  Option<std::string> scheme{*this, "scheme", llvm::cl::desc("how matrices are stored"),
                             llvm::cl::init(PipelineOptions().scheme)};
  Option<std::string> cacheScheme{*this, "cache-scheme", llvm::cl::desc("how keys and values are stored"),
                                  llvm::cl::init(PipelineOptions().cacheScheme)};
  Option<TargetChoice> target{*this, "target", llvm::cl::desc("the device"),
                              llvm::cl::init(PipelineOptions().target)};

  PipelineOptions options() const {
    PipelineOptions result;
    result.scheme = scheme;
    result.cacheScheme = cacheScheme;
    result.target = target;
    return result;
  }
};
} // namespace

void registerPipelines() {
  for (const Stage &stage : kStages) {
    PassPipelineRegistration<StageFlags>(
        ("gemmac-" + stage.name).str(), stage.description,
        [&stage](OpPassManager &pm, const StageFlags &flags) { stage.add(pm, flags.options()); });
    PassPipelineRegistration<StageFlags>(("gemmac-through-" + stage.name).str(),
                                         ("all stages up to " + stage.name).str(),
                                         [&stage](OpPassManager &pm, const StageFlags &flags) {
                                           bool known = addStagesThrough(pm, flags.options(), stage.name);
                                           assert(known && "a stage of the table");
                                           (void)known;
                                         });
  }
}

} // namespace gemmac
