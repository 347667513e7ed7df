//===- Compiler.cpp - the journey of a model, from a checkpoint to code that runs -----------------------===//

#include "compiler/Compiler.h"

#include "compiler/CompiledKernels.h"
#include "compiler/Diagnostics.h"
#include "compiler/Fingerprint.h"
#include "compiler/PreparedModel.h"
#include "compiler/Remarks.h"
#include "compiler/import/Checkpoint.h"
#include "compiler/import/HubCache.h"
#include "compiler/import/ImportModel.h"
#include "compiler/import/MergedWeights.h"
#include "compiler/package/Manifest.h"
#include "compiler/package/ModelHeader.h"
#include "compiler/package/OutputFolder.h"
#include "compiler/package/PackageWriter.h"
#include "compiler/package/StaticLibrary.h"
#include "compiler/package/TokenRows.h"
#include "contract/KernelTraits.h"
#include "dialects/gemma/Gemma.h"
#include "dialects/gemma/Stored.h"
#include "dialects/plan/KernelSpecs.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "passes/CacheSchemes.h"
#include "passes/Pipeline.h"
#include "passes/WeightSchemes.h"
#include "runtime/platform/Platform.h"
#include "targets/Backends.h"
#include "targets/Devices.h"
#include "targets/emit/Emit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace gemmac {
namespace {

/// One compilation, step by step. Every step that fails has reported why.
class Compilation {
public:
  Compilation(const CompileOptions &options, const Report &report);

  FailureOr<Artifacts> run();
  FailureOr<ModelSummary> inspect();

private:
  LogicalResult readOptions();
  LogicalResult openModel();
  void chooseSchemes();
  LogicalResult openTokenizer();
  LogicalResult runStages(StringRef last);
  LogicalResult readPlan();
  LogicalResult planModel();
  LogicalResult compileKernels();
  LogicalResult emitDriver();
  llvm::Error writeFiles();
  llvm::Error writeObjects();
  llvm::Error writeText(std::string text, StringRef suffix);
  FailureOr<Artifacts> made(llvm::Error error);

  LogicalResult fail(const Twine &text) {
    report({Diagnostic::Severity::error, "", text.str()});
    return failure();
  }
  LogicalResult fail(llvm::Error error) { return fail(llvm::toString(std::move(error))); }
  void remark(const std::vector<std::string> &texts) {
    for (const std::string &text : texts)
      report({Diagnostic::Severity::remark, "", text});
  }
  void say(std::string_view activity, int64_t done, int64_t total) {
    if (options.progress)
      options.progress({activity, done, total});
  }
  bool makes(StringRef kind) const { return options.emit == kind; }
  ModelSummary summary() const {
    return summarize(options.checkpoint, *checkpoint, *tokenizer, facts, weights, phases, memory);
  }

  CompileOptions options;
  const Report &report;
  MLIRContext context;
  llvm::DefaultThreadPool threads;
  ModelFacts facts;
  std::optional<Checkpoint> checkpoint;
  std::optional<Tokenizer> tokenizer;
  std::optional<RuntimeFiles> runtime;
  OwningOpRef<ModuleOp> module;
  std::vector<PlannedWeight> weights;
  std::vector<PlannedPhase> phases;
  std::vector<KernelSpec> specs; ///< of the kernels that the plan calls
  PlannedMemory memory;
  std::vector<KernelFacts> kernels;
  std::vector<ObjectFile> objects; ///< the driver's first
  OutputFolder folder;
  Artifacts artifacts;
};

DialectRegistry dialects() {
  DialectRegistry registry;
  registry.insert<gemma::GemmaDialect, plan::PlanDialect, arith::ArithDialect, func::FuncDialect,
                  LLVM::LLVMDialect, memref::MemRefDialect, scf::SCFDialect>();
  return registry;
}

Compilation::Compilation(const CompileOptions &options, const Report &report)
    : options(options), report(report), context(dialects()),
      threads(llvm::hardware_concurrency(options.threads > 0 ? static_cast<unsigned>(options.threads)
                                                             : platform::cpuCount())),
      folder(options.output) {
  context.loadAllAvailableDialects();
  context.getDiagEngine().registerHandler(
      [&](mlir::Diagnostic &diagnostic) { report(fromMlir(diagnostic)); });
}

LogicalResult Compilation::readOptions() {
  const Target *target = findTarget(options.target);
  if (!target)
    return fail("there is no target '" + options.target + "'; there are " + targetNames());
  facts.target = *target;
  if (!options.scheme.empty())
    if (llvm::Error error = WeightSchemes::parse(options.scheme).takeError())
      return fail(std::move(error));
  if (!options.cacheScheme.empty())
    if (llvm::Error error = CacheSchemes::parse(options.cacheScheme).takeError())
      return fail(std::move(error));
  if (!llvm::is_contained(emitKinds(), options.emit))
    return fail("cannot emit '" + options.emit + "'; there are " + llvm::join(emitKinds(), ", "));
  bool needsFolder = makes("exe") || makes("lib") || makes("obj");
  if (needsFolder && options.output.empty())
    return fail("'" + options.emit + "' needs an output directory");
  if (options.context < 0 || options.maxTokens < 0)
    return fail("the context and the tokens of a call are at least 1");
  if (makes("exe") || makes("lib")) {
    llvm::Expected<RuntimeFiles> found = RuntimeFiles::find(facts.target, options.runtime);
    if (!found)
      return fail(found.takeError());
    runtime = std::move(*found);
  }
  return success();
}

LogicalResult Compilation::openModel() {
  llvm::Expected<std::string> located = locateModel(options.checkpoint);
  if (!located)
    return fail(located.takeError());
  options.checkpoint = std::move(*located);
  llvm::Expected<Checkpoint> opened = openCheckpoint(options.checkpoint);
  if (!opened)
    return fail(opened.takeError());
  checkpoint = std::move(*opened);
  remark(checkpoint->config.remarks);
  llvm::Expected<MergeSummary> merged = mergeAdapters(*checkpoint, options.lora);
  if (!merged)
    return fail(merged.takeError());
  facts.adapters = merged->adapters;
  facts.name = options.name.empty() ? checkpoint->name : identifierFrom(options.name);
  facts.vocabSize = checkpoint->config.vocabulary;

  int64_t most = checkpoint->config.context;
  if (options.context > most)
    return fail("a context of " + Twine(options.context) + " positions is more than the model's " +
                Twine(most));
  facts.context = options.context ? options.context : std::min(most, kDefaultContext);
  if (options.maxTokens > facts.context)
    return fail("a call of " + Twine(options.maxTokens) + " tokens is more than the context of " +
                Twine(facts.context));
  // Kernels count what they write in 32 bits; the logits of a whole call are the largest of it.
  if (options.maxTokens > INT32_MAX / facts.vocabSize)
    return fail("a call of " + Twine(options.maxTokens) + " tokens is too long for a vocabulary of " +
                Twine(facts.vocabSize) + ": " + Twine(INT32_MAX / facts.vocabSize) + " fit");
  facts.maxTokens = options.maxTokens ? options.maxTokens : std::min(facts.context, kDefaultMaxTokens);

  FailureOr<OwningOpRef<ModuleOp>> imported =
      importModel(context, checkpoint->config, *checkpoint->weights,
                  {.name = facts.name, .context = facts.context, .maxTokens = facts.maxTokens});
  if (failed(imported))
    return failure();
  module = std::move(*imported);
  chooseSchemes();
  remark(remarksOnAdapters(*merged, facts.scheme));
  return success();
}

/// What the options leave open.
void Compilation::chooseSchemes() {
  facts.scheme = options.scheme;
  if (facts.scheme.empty())
    facts.scheme = checkpoint->weights->choosesSchemes() ? "file" : nameOf(facts.target.scheme);
  facts.cacheScheme = options.cacheScheme;
  if (!facts.cacheScheme.empty())
    return;
  auto floats = [](gemma::WeightOp weight) {
    auto stored = weight->getAttrOfType<ArrayAttr>(gemma::kStoredAttr);
    return llvm::all_of(stored.getAsValueRange<StringAttr>(),
                        [](StringRef scheme) { return scheme == "f32"; });
  };
  bool exact = facts.scheme == "f32" ||
               (facts.scheme == "file" && llvm::all_of(module->getOps<gemma::WeightOp>(), floats));
  facts.cacheScheme = exact ? "f32" : "f16";
}

LogicalResult Compilation::openTokenizer() {
  llvm::Expected<Tokenizer> read = readTokenizer(options.checkpoint);
  if (!read)
    return fail(read.takeError());
  tokenizer = std::move(*read);
  if (llvm::Error error = leaveOutTokensWithoutRow(*tokenizer, facts.vocabSize, options.checkpoint))
    return fail(std::move(error));
  remark(tokenizer->remarks);
  addStops(checkpoint->generation.stop, tokenizer->eos);
  return success();
}

LogicalResult Compilation::runStages(StringRef last) {
  PassManager passes(&context);
  PipelineOptions pipeline;
  pipeline.scheme = facts.scheme;
  pipeline.cacheScheme = facts.cacheScheme;
  pipeline.target = &facts.target;
  bool known = addStagesThrough(passes, pipeline, last);
  assert(known && "options have been read");
  (void)known;
  return passes.run(*module);
}

LogicalResult Compilation::readPlan() {
  auto bytes = [&](StringRef attribute, int64_t &value) -> LogicalResult {
    auto found = (*module)->getAttrOfType<IntegerAttr>(attribute);
    if (!found)
      return module->emitError("the plan does not say `") << attribute << "`";
    value = found.getInt();
    return success();
  };
  if (failed(bytes("plan.arena_bytes", facts.arenaBytes)) ||
      failed(bytes("plan.cache_bytes", facts.cacheBytes)) ||
      failed(bytes("plan.weights_bytes", facts.weightsBytes)))
    return failure();
  facts.fingerprint = fingerprintOf(*module, facts);
  FailureOr<std::vector<PlannedWeight>> planned = plannedWeights(*module);
  if (failed(planned))
    return failure();
  weights = std::move(*planned);
  phases = plannedPhases(*module);
  uint32_t longestPiece = 0;
  if (tokenizer)
    for (const std::string &piece : tokenizer->pieces)
      longestPiece = std::max(longestPiece, static_cast<uint32_t>(piece.size()));
  FailureOr<std::vector<KernelSpec>> called = kernelsOf(*module);
  if (failed(called))
    return failure();
  specs = std::move(*called);
  for (const KernelSpec &kernel : specs)
    facts.stackBytes = std::max(facts.stackBytes, stackBytesOf(kernel, facts.target));
  memory = plannedMemory(facts, longestPiece);
  memory.generationArena = touchedArena(*module, {"prefill", "decode"},
                                        samplingScratchBytes(static_cast<uint32_t>(facts.vocabSize)));
  bool quantized =
      llvm::any_of(weights, [](const PlannedWeight &weight) { return isQuantized(weight.scheme); });
  facts.activations = nameOf(quantized ? Scheme::q8_0 : Scheme::f32);
  return success();
}

LogicalResult Compilation::compileKernels() {
  std::string cache = options.kernelCache;
  if (cache.empty() && !cacheDirectory().empty())
    cache = cacheDirectory() + "/kernels";
  if (cache == "-")
    cache.clear();
  llvm::Expected<CompiledKernels> made = gemmac::compileKernels(
      specs, facts.target, cache, threads, [&](int64_t done, int64_t all) { say("kernels", done, all); });
  if (!made)
    return fail(made.takeError());
  kernels = std::move(made->facts);
  objects = std::move(made->objects);
  return success();
}

LogicalResult Compilation::emitDriver() {
  say("driver", 0, 1);
  llvm::Expected<std::string> object = backendOf(facts.target).driver.object(*module, facts.target);
  if (!object)
    return fail(object.takeError());
  objects.insert(objects.begin(), {facts.name + ".o", std::move(*object)});
  say("driver", 1, 1);
  return success();
}

llvm::Error Compilation::writeText(std::string text, StringRef suffix) {
  if (options.output.empty()) {
    artifacts.text = std::move(text);
    return llvm::Error::success();
  }
  if (llvm::Error error = folder.make())
    return error;
  if (llvm::Error error = folder.write((facts.name + suffix).str(), text))
    return error;
  return folder.commit();
}

llvm::Error Compilation::writeObjects() {
  if (llvm::Error error = folder.make())
    return error;
  for (const ObjectFile &object : objects)
    if (llvm::Error error = folder.write(object.name, object.bytes))
      return error;
  if (llvm::Error error = folder.write(facts.name + ".h", modelHeader(facts)))
    return error;
  return folder.commit();
}

llvm::Error Compilation::writeFiles() {
  if (llvm::Error error = folder.make())
    return error;
  if (llvm::Error error = folder.write(facts.name + ".h", modelHeader(facts)))
    return error;
  llvm::Expected<std::string> library = staticLibrary(objects, {runtime->library});
  if (!library)
    return library.takeError();
  if (llvm::Error error = folder.write("lib" + facts.name + ".a", *library))
    return error;
  if (makes("exe")) {
    llvm::Expected<std::string> program = linkProgram(objects, *runtime, facts.target);
    if (!program)
      return program.takeError();
    if (llvm::Error error = folder.write(facts.name, *program, OutputFile::Kind::executable))
      return error;
  }

  llvm::Expected<OutputFile> package = folder.create(facts.name + ".weights");
  if (!package)
    return package.takeError();
  int64_t all = 0;
  for (const PlannedWeight &weight : weights)
    all += weight.bytes();
  auto packed = writePackage(*package, {facts, checkpoint->generation, *tokenizer, weights},
                             *checkpoint->weights, threads, [&](int64_t done) { say("weights", done, all); });
  if (!packed)
    return packed.takeError();
  remark(remarksOnTraining(*packed));
  auto packageBytes = static_cast<int64_t>(package->size());
  folder.add(std::move(*package));
  // Last, so that a directory with a manifest is complete.
  if (llvm::Error error =
          folder.write("manifest.json",
                       manifest(facts, {weights, *packed, kernels, phases, memory,
                                        static_cast<int64_t>(objects.front().bytes.size()), packageBytes})))
    return error;
  return folder.commit();
}

FailureOr<Artifacts> Compilation::made(llvm::Error error) {
  if (error)
    return fail(std::move(error));
  artifacts.files = folder.committed();
  return artifacts;
}

/// All that is known of a model before the long work. Its tokenizer too: a broken one is better known then.
LogicalResult Compilation::planModel() {
  say("plan", 0, 2);
  if (failed(openTokenizer()))
    return failure();
  say("plan", 1, 2);
  if (failed(runStages(stages().back().name)) || failed(readPlan()))
    return failure();
  say("plan", 2, 2);
  return success();
}

FailureOr<ModelSummary> Compilation::inspect() {
  if (failed(readOptions()) || failed(openModel()) || failed(planModel()))
    return failure();
  return summary();
}

FailureOr<Artifacts> Compilation::run() {
  if (failed(readOptions()) || failed(openModel()))
    return failure();
  artifacts.name = facts.name;
  if (makes("gemma"))
    return made(writeText(textOf(*module), ".gemma.mlir"));
  if (llvm::any_of(stages(), [&](const Stage &stage) { return makes(stage.name); })) {
    if (failed(runStages(options.emit)))
      return failure();
    return made(writeText(textOf(*module), "." + options.emit + ".mlir"));
  }

  if (failed(planModel()))
    return failure();
  if (makes("exe") || makes("lib"))
    if (llvm::Error error = folder.checkRoom(bytesOnDisk(facts), options.beforeWriting))
      return fail(std::move(error));
  if (options.planned)
    options.planned(summary());
  if (!makes("llvm") && failed(compileKernels()))
    return failure();
  const DriverEmitter &driver = backendOf(facts.target).driver;
  if (failed(driver.lower(*module, facts.target,
                          {.name = facts.name,
                           .vocabSize = static_cast<uint32_t>(facts.vocabSize),
                           .fingerprint = facts.fingerprint})))
    return failure();
  if (makes("llvm")) {
    llvm::Expected<std::string> text = driver.text(*module, facts.target);
    if (!text)
      return fail(text.takeError());
    return made(writeText(std::move(*text), ".ll"));
  }
  if (failed(emitDriver()))
    return failure();
  return made(makes("obj") ? writeObjects() : writeFiles());
}

} // namespace

FailureOr<Artifacts> compile(const CompileOptions &options, const Report &report) {
  return Compilation(options, report).run();
}

FailureOr<ModelSummary> inspectCheckpoint(CompileOptions options, const Report &report) {
  options.emit = stages().back().name.str(); // for which no directory is needed
  return Compilation(options, report).inspect();
}

std::vector<std::string> emitKinds() {
  std::vector<std::string> kinds = {"exe", "lib", "obj", "llvm", "gemma"};
  for (const Stage &stage : stages())
    kinds.push_back(stage.name.str());
  return kinds;
}

} // namespace gemmac
