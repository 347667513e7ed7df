//===- BenchCommand.cpp - gemmac bench ------------------------------------------------------------------===//

#include "compiler/bench/BenchText.h"
#include "compiler/package/OutputFile.h"
#include "runtime/include/gemmac/gemmac.h"
#include "tools/gemmac/Commands.h"
#include "tools/gemmac/Progress.h"

#include <cstdio>

namespace gemmac {
namespace {

struct Words {
  BenchOptions options;
  std::string format = "markdown", trace;
};

std::string textOf(const BenchReport &report, const std::string &format) {
  return format == "json"  ? benchAsJson(report)
         : format == "csv" ? benchAsCsv(report)
                           : benchAsMarkdown(report);
}

llvm::Error writeTrace(const BenchReport &report, const std::string &path) {
  llvm::Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->append(chromeTrace(report)))
    return error;
  return file->commit();
}

int runBench(Words &words) {
  ProgressPrinter progress;
  words.options.model.progress = std::ref(progress);
  words.options.progress = [](const std::string &test, int64_t depth) {
    std::fprintf(stderr, "%s at depth %lld\n", test.c_str(), static_cast<long long>(depth));
  };
  words.options.trace = !words.trace.empty();
  llvm::FailureOr<BenchReport> report = bench(words.options, [&](const Diagnostic &diagnostic) {
    progress.clear();
    printDiagnostic(diagnostic);
  });
  if (failed(report))
    return kFailed; // already reported, with its place
  if (words.options.trace)
    if (llvm::Error error = writeTrace(*report, words.trace))
      return complain(llvm::toString(std::move(error)));
  std::string text = textOf(*report, words.format);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kDone;
}

} // namespace

void addBench(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  BenchOptions &options = words->options;
  CLI::App *command = app.add_subcommand(
      "bench", "Measure a model beside what this machine can do; compiles a checkpoint first");
  addModelOptions(command, options.model);
  command->add_option("--prompt", options.prompt, "tokens of a prompt; 0: none is measured")
      ->capture_default_str();
  command->add_option("--generate", options.generate, "tokens to generate; 0: none are")
      ->capture_default_str();
  command->add_option("--depth", options.depths, "tokens that are there before; several between commas")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--threads", options.threads, "of the program (one a CPU)")
      ->check(CLI::Range(1, GEMMAC_MAX_THREADS));
  command->add_option("--repetitions", options.repetitions, "of every test, after one that warms up")
      ->capture_default_str();
  command->add_flag("--kernels", options.kernels, "the same for every kernel");
  command->add_option("--trace", words->trace, "file for a Chrome trace of one step of each test");
  command->add_option("--format", words->format, "markdown, csv or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"markdown", "csv", "json"}));
  command->callback([words, &code] { code = runBench(*words); });
}

} // namespace gemmac
