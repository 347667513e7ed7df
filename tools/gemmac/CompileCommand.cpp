//===- CompileCommand.cpp - gemmac compile --------------------------------------------------------------===//

#include "contract/Scheme.h"
#include "tools/gemmac/Commands.h"
#include "tools/gemmac/Progress.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace gemmac {
namespace {

struct Words {
  CompileOptions options;
  bool json = false;
};

void print(const Artifacts &artifacts, bool json) {
  if (json) {
    nlohmann::ordered_json text = {{"name", artifacts.name}, {"files", artifacts.files}};
    if (!artifacts.text.empty())
      text["text"] = artifacts.text;
    std::printf("%s\n", text.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
    return;
  }
  std::fwrite(artifacts.text.data(), 1, artifacts.text.size(), stdout);
  for (const std::string &file : artifacts.files)
    std::printf("%s\n", file.c_str());
}

int runCompile(Words &words) {
  ProgressPrinter progress;
  words.options.progress = std::ref(progress);
  words.options.planned = [&](const ModelSummary &summary) {
    progress.clear();
    std::fputs(describeShortly(summary).c_str(), stderr);
  };
  llvm::FailureOr<Artifacts> artifacts = compile(words.options, [&](const Diagnostic &diagnostic) {
    progress.clear();
    printDiagnostic(diagnostic);
  });
  progress.clear();
  if (failed(artifacts))
    return kFailed; // already reported, with its place
  print(*artifacts, words.json);
  return kDone;
}

} // namespace

void addCompile(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CompileOptions &options = words->options;
  CLI::App *command = app.add_subcommand("compile", "Compile a checkpoint for one device");
  command
      ->add_option(
          "CHECKPOINT", options.checkpoint,
          "directory with config.json and safetensors, a GGUF file, or a name in Hugging Face's cache")
      ->required();
  command->add_option("-o,--output", options.output, "directory for the files; made if absent");
  command->add_option("--target", options.target, "device, see `gemmac targets` (host: this machine)")
      ->capture_default_str();
  command->add_option("--scheme", options.scheme,
                      "how weights are stored: " + namesOfSchemes(&SchemeRow::weights) +
                          ", file, or a mix such as q4_k,head=q6_k (GGUF: file, else the device's)");
  command->add_option("--cache-scheme", options.cacheScheme,
                      "how keys and values are stored: " + namesOfSchemes(&SchemeRow::caches) +
                          ", or sliding=f16,global=q8_0 (f32 if weights are, else f16)");
  addLoraOption(command, options.lora);
  command->add_option("--context", options.context,
                      "positions that the caches hold (the model's, at most 4096)");
  command->add_option("--max-tokens", options.maxTokens,
                      "most tokens of one call (512, at most the context)");
  command->add_option("--emit", options.emit, "exe, lib, obj, llvm, gemma, or the IR after a stage")
      ->capture_default_str();
  command->add_option("--name", options.name,
                      "of the model in C and in files (from the checkpoint's directory)");
  command->add_option("--threads", options.threads, "that the compiler uses (one a CPU)");
  command->add_option("--kernel-cache", options.kernelCache,
                      "directory of compiled kernels; - for none (under $XDG_CACHE_HOME or ~/.cache)");
  command->add_flag("--json", words->json, "name and files as JSON");
  command->callback([words, &code] { code = runCompile(*words); });
}

} // namespace gemmac
