//===- Bench.cpp - how fast a compiled model is on this machine -----------------------------------------===//

#include "compiler/bench/Bench.h"

#include "compiler/package/Manifest.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/PackageFile.h"
#include "runtime/platform/Platform.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

#include <cmath>
#include <map>
#include <numeric>

namespace gemmac {

// ---- Figures

double BenchedTest::meanSeconds() const {
  return std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
}

double BenchedTest::tokensPerSecond() const {
  double sum = 0;
  for (double of : seconds)
    sum += static_cast<double>(tokens) / of;
  return sum / static_cast<double>(seconds.size());
}

double BenchedTest::deviation() const {
  if (seconds.size() < 2)
    return 0;
  double mean = tokensPerSecond(), squares = 0;
  for (double of : seconds)
    squares += std::pow(static_cast<double>(tokens) / of - mean, 2);
  return std::sqrt(squares / static_cast<double>(seconds.size() - 1));
}

double BenchReport::bytesPerSecond() const {
  return before.bytes.empty() || after.bytes.empty() ? 0 : (before.bytes.back() + after.bytes.back()) / 2;
}
double BenchReport::integerProductsPerSecond() const {
  return (before.integerProducts + after.integerProducts) / 2;
}
double BenchReport::floatProductsPerSecond() const {
  return (before.floatProducts + after.floatProducts) / 2;
}

double BenchReport::ofBandwidth(const Work &work, double seconds) const {
  return bytesPerSecond() > 0 ? work.bytes / bytesPerSecond() / seconds : 0;
}

double BenchReport::ofPeak(const Work &work, double seconds) const {
  if (integerProductsPerSecond() <= 0 || floatProductsPerSecond() <= 0)
    return 0;
  return (work.integerProducts / integerProductsPerSecond() + work.floatProducts / floatProductsPerSecond()) /
         seconds;
}

// ---- Measuring

namespace {

/// One benchmark. Every step that fails has reported why.
class Benchmark {
public:
  Benchmark(const BenchOptions &options, const Report &report) : options(options), report(report) {}

  llvm::FailureOr<BenchReport> run();

private:
  llvm::LogicalResult prepare();
  llvm::LogicalResult measure();
  llvm::Error measurePrompt(int64_t depth);
  llvm::Error measureGeneration(int64_t depth);
  llvm::Error repeat(BenchedTest test, const std::string &phase,
                     llvm::function_ref<llvm::Expected<Timed>(bool trace)> once);
  llvm::Error readTrace(const BenchedTest &test, const std::string &phase, const Timed &timed);
  llvm::Error fill(int64_t tokens);
  const PlannedPhase &phaseOf(const std::string &name) const;
  Work workOfPrompt(int64_t tokens, int64_t depth) const;

  llvm::LogicalResult fail(const llvm::Twine &text) {
    report({Diagnostic::Severity::error, "", text.str()});
    return llvm::failure();
  }

  const BenchOptions &options;
  const Report &report;
  std::vector<std::string> command;
  std::shared_ptr<ModelLock> lock;
  int64_t context = 0, chunk = 0;
  std::optional<BenchedProgram> program;
  BenchReport result;
};

/// Generation needs at least one token to start from.
int64_t generationDepth(int64_t depth) {
  return std::max<int64_t>(depth, 1);
}

llvm::LogicalResult Benchmark::prepare() {
  if (options.depths.empty() || options.repetitions < 1 || options.prompt < 0 || options.generate < 0 ||
      llvm::any_of(options.depths, [](int64_t depth) { return depth < 0; }))
    return fail("depths and tokens are at least 0, repetitions at least 1");
  int64_t deepest = *llvm::max_element(options.depths);
  int64_t needed = std::max(deepest + options.prompt, generationDepth(deepest) + options.generate + 1);
  ModelRequest request = options.model;
  if (request.context == 0 && needed > kDefaultContext && weightsOf(request.model).empty())
    request.context = needed;
  llvm::FailureOr<PreparedModel> model = prepareModel(request, report);
  if (failed(model))
    return llvm::failure();
  lock = model->lock;
  command = model->command;

  llvm::Expected<PackageFile> package = PackageFile::open(model->weights);
  if (!package)
    return fail(llvm::toString(package.takeError()));
  const format::Metadata &metadata = package->metadata();
  context = metadata.context();
  chunk = metadata.max_tokens();
  if (needed > context)
    return fail("these tests need a context of " + llvm::Twine(needed) +
                " positions, and the model was compiled for " + llvm::Twine(context));
  result.name = metadata.name()->str();
  result.target = metadata.target()->str();
  result.scheme = metadata.quantization()->weights()->str();
  result.cacheScheme = metadata.quantization()->cache()->str();
  result.weightBytes = package->header().tensors_bytes;
  result.cpu = cpuName();
  result.threads = options.threads ? options.threads : static_cast<int>(platform::cpuCount());
  command.insert(command.end(),
                 {"--weights", model->weights, "--bench", "--threads", std::to_string(result.threads)});

  llvm::SmallString<256> manifest(model->weights);
  llvm::sys::path::remove_filename(manifest);
  llvm::sys::path::append(manifest, "manifest.json");
  llvm::Expected<RunningModel> read = readManifest(manifest.str().str());
  if (!read)
    return fail(llvm::toString(read.takeError()));
  result.phases = std::move(read->phases);
  result.plannedBytes = read->generationBytes + read->threadBytes * static_cast<uint64_t>(result.threads - 1);
  return llvm::success();
}

const PlannedPhase &Benchmark::phaseOf(const std::string &name) const {
  static const PlannedPhase none;
  auto found = llvm::find_if(result.phases, [&](const PlannedPhase &phase) { return phase.name == name; });
  return found == result.phases.end() ? none : *found;
}

/// A prompt runs in chunks; its last token is a decode step, which gives the logits.
Work Benchmark::workOfPrompt(int64_t tokens, int64_t depth) const {
  Work work;
  for (int64_t position = depth, last = depth + tokens - 1; position < last; position += chunk)
    work += phaseOf("prefill").work({std::min(chunk, last - position), position});
  work += phaseOf("decode").work({1, depth + tokens - 1});
  return work;
}

llvm::Error Benchmark::fill(int64_t tokens) {
  if (llvm::Error error = program->forget())
    return error;
  return tokens ? program->prompt(tokens).takeError() : llvm::Error::success();
}

llvm::Error Benchmark::repeat(BenchedTest test, const std::string &phase,
                              llvm::function_ref<llvm::Expected<Timed>(bool trace)> once) {
  if (options.progress)
    options.progress(test.name, test.depth);
  // The first run warms up.
  for (int run = 0; run <= options.repetitions; ++run) {
    llvm::Expected<Timed> timed = once(false);
    if (!timed)
      return timed.takeError();
    if (run == 0)
      continue;
    test.seconds.push_back(timed->seconds);
    test.disturbed = std::max(test.disturbed, timed->disturbed);
  }
  if (options.kernels || options.trace) {
    llvm::Expected<Timed> timed = once(true);
    if (!timed)
      return timed.takeError();
    if (llvm::Error error = readTrace(test, phase, *timed))
      return error;
  }
  result.tests.push_back(std::move(test));
  return llvm::Error::success();
}

llvm::Error Benchmark::measurePrompt(int64_t depth) {
  BenchedTest test;
  test.name = "pp" + std::to_string(options.prompt);
  test.tokens = options.prompt;
  test.depth = depth;
  test.work = workOfPrompt(options.prompt, depth);
  return repeat(std::move(test), "prefill", [&](bool trace) -> llvm::Expected<Timed> {
    if (llvm::Error error = fill(depth))
      return error;
    return program->prompt(options.prompt, trace);
  });
}

llvm::Error Benchmark::measureGeneration(int64_t depth) {
  BenchedTest test;
  test.name = "tg" + std::to_string(options.generate);
  test.tokens = options.generate;
  test.depth = depth;
  for (int64_t token = 0; token < options.generate; ++token)
    test.work += phaseOf("decode").work({1, generationDepth(depth) + token});
  return repeat(std::move(test), "decode", [&](bool trace) -> llvm::Expected<Timed> {
    if (llvm::Error error = fill(generationDepth(depth)))
      return error;
    return program->generate(options.generate, trace);
  });
}

/// Matches the calls of a step with those of the plan; they differ if the program belongs to another
/// compilation.
llvm::Expected<NamedStep> nameCalls(const TracedStep &step, const PlannedPhase &phase) {
  NamedStep named{step, {}};
  for (const PlannedPhase::Stretch &stretch : phase.order)
    for (size_t index : stretch.calls)
      named.calls.push_back({&phase.calls[index], stretch.layer});
  if (named.calls.size() != step.calls.size())
    return makeError("a step of " + step.phase + " runs " + llvm::Twine(step.calls.size()) +
                     " kernels and has " + llvm::Twine(named.calls.size()) +
                     " in manifest.json: program and manifest come from different compilations");
  return named;
}

/// Adds up the steps of one phase, call by call; a prompt's last token is decoded and does not belong to it.
llvm::Error Benchmark::readTrace(const BenchedTest &test, const std::string &phase, const Timed &timed) {
  std::map<std::pair<std::string, std::string>, KernelTime> kernels;
  KernelTime between{test.name, "(between kernels)", "", test.depth, 0, 0, {}};
  std::optional<NamedStep> last;
  for (const TracedStep &step : timed.steps) {
    if (step.phase != phase)
      continue;
    llvm::Expected<NamedStep> named = nameCalls(step, phaseOf(phase));
    if (!named)
      return named.takeError();
    between.calls += 1;
    between.seconds += step.end - step.begin;
    for (auto [time, call] : llvm::zip_equal(step.calls, named->calls)) {
      KernelTime &kernel =
          kernels
              .try_emplace(
                  {call.planned->kernel, call.planned->weight},
                  KernelTime{test.name, call.planned->kernel, call.planned->weight, test.depth, 0, 0, {}})
              .first->second;
      kernel.calls += 1;
      kernel.seconds += time.end - time.begin;
      kernel.work += call.planned->work({step.tokens, step.position});
      between.seconds -= time.end - time.begin;
    }
    last = std::move(*named);
  }
  std::vector<KernelTime> rows = {between};
  for (auto &[name, kernel] : kernels)
    rows.push_back(std::move(kernel));
  llvm::stable_sort(rows, [](const KernelTime &a, const KernelTime &b) { return a.seconds > b.seconds; });
  if (options.kernels)
    llvm::append_range(result.kernels, rows);
  if (options.trace && last)
    result.trace.push_back(std::move(*last));
  return llvm::Error::success();
}

llvm::LogicalResult Benchmark::measure() {
  result.before = measureMachine(result.threads);
  llvm::Expected<BenchedProgram> started = BenchedProgram::start(command);
  if (!started)
    return fail(llvm::toString(started.takeError()));
  program.emplace(std::move(*started));
  for (int64_t depth : options.depths) {
    if (options.prompt)
      if (llvm::Error error = measurePrompt(depth))
        return fail(llvm::toString(std::move(error)));
    if (options.generate)
      if (llvm::Error error = measureGeneration(depth))
        return fail(llvm::toString(std::move(error)));
  }
  llvm::Expected<uint64_t> dirty = program->dirtyBytes();
  if (!dirty)
    return fail(llvm::toString(dirty.takeError()));
  result.dirtyBytes = *dirty;
  result.after = measureMachine(result.threads);
  return llvm::success();
}

llvm::FailureOr<BenchReport> Benchmark::run() {
  if (failed(prepare()) || failed(measure()))
    return llvm::failure();
  return std::move(result);
}

} // namespace

llvm::FailureOr<BenchReport> bench(const BenchOptions &options, const Report &report) {
  return Benchmark(options, report).run();
}

} // namespace gemmac
