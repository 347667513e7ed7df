//===- InspectCommand.cpp - gemmac inspect --------------------------------------------------------------===//

#include "compiler/PreparedModel.h"
#include "compiler/import/HubCache.h"
#include "compiler/package/PackageFile.h"
#include "tools/gemmac/Commands.h"
#include "tools/gemmac/Progress.h"

#include <cstdio>

namespace gemmac {
namespace {

struct Words {
  ModelRequest request;
  bool json = false, verify = false, chatTemplate = false;
};

int print(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kDone;
}

/// An option of compiling says nothing about what is compiled already.
bool asksToCompile(const ModelRequest &request) {
  return !request.target.empty() || !request.scheme.empty() || !request.cacheScheme.empty() ||
         !request.lora.empty() || request.context;
}

int inspectPackage(const Words &words, const std::string &weights) {
  if (asksToCompile(words.request))
    return complain("'" + weights + "' is compiled already: options of a compilation are for checkpoints");
  llvm::Expected<PackageFile> package = PackageFile::open(weights);
  if (!package)
    return complain(llvm::toString(package.takeError()));
  if (words.verify) {
    ProgressPrinter progress;
    if (llvm::Error error =
            package->verify([&](int64_t done, int64_t all) { progress({"checksums", done, all}); })) {
      progress.clear();
      return complain(llvm::toString(std::move(error)));
    }
  }
  return print(words.chatTemplate ? package->chatTemplate()
               : words.json       ? describeAsJson(*package)
                                  : describe(*package));
}

int inspectModel(const Words &words, const std::string &path) {
  ProgressPrinter progress;
  CompileOptions options = compileOptionsOf(words.request);
  options.checkpoint = path;
  options.progress = std::ref(progress);
  llvm::FailureOr<ModelSummary> summary = inspectCheckpoint(options, [&](const Diagnostic &diagnostic) {
    progress.clear();
    printDiagnostic(diagnostic);
  });
  progress.clear();
  if (failed(summary))
    return kFailed; // already reported, with its place
  return print(words.json ? describeAsJson(*summary) : describe(*summary));
}

/// Of a checkpoint, whether it can be compiled or not.
int printChatTemplate(const std::string &path) {
  llvm::Expected<Tokenizer> tokenizer = readTokenizer(path);
  return tokenizer ? print(tokenizer->chatTemplate) : complain(llvm::toString(tokenizer.takeError()));
}

int runInspect(const Words &words) {
  llvm::Expected<std::string> path = locateModel(words.request.model);
  if (!path)
    return complain(llvm::toString(path.takeError()));
  std::string weights = weightsOf(*path);
  if (!weights.empty())
    return inspectPackage(words, weights);
  if (words.verify)
    return complain("'" + *path +
                    "' is a checkpoint, which has no checksums: --verify is for compiled models");
  return words.chatTemplate ? printChatTemplate(*path) : inspectModel(words, *path);
}

} // namespace

void addInspect(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = app.add_subcommand(
      "inspect", "Say what is in a checkpoint and what would become of it, or what is in a compiled model");
  addModelOptions(command, words->request);
  command->add_flag("--json", words->json, "as JSON");
  command->add_flag("--chat-template", words->chatTemplate, "only the template of its conversations (Jinja)");
  command->add_flag("--verify", words->verify, "compare all tensors of a package with their checksums");
  command->callback([words, &code] { code = runInspect(*words); });
}

} // namespace gemmac
