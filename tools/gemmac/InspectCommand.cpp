//===- InspectCommand.cpp - gemmac inspect --------------------------------------------------------------===//

#include "compiler/PreparedModel.h"
#include "compiler/package/PackageFile.h"
#include "tools/gemmac/Commands.h"

#include <cstdio>

namespace gemmac {
namespace {

struct Words {
  std::string package;
  bool json = false, verify = false, chatTemplate = false;
};

int runInspect(const Words &words) {
  std::string weights = weightsOf(words.package);
  llvm::Expected<PackageFile> package = PackageFile::open(weights.empty() ? words.package : weights);
  if (!package)
    return complain(llvm::toString(package.takeError()));
  if (words.verify)
    if (llvm::Error error = package->verify())
      return complain(llvm::toString(std::move(error)));
  std::string text = words.chatTemplate ? package->chatTemplate()
                     : words.json       ? describeAsJson(*package)
                                        : describe(*package);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kDone;
}

} // namespace

void addInspect(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = app.add_subcommand("inspect", "Say what is in a compiled model's package");
  command->add_option("PACKAGE", words->package, "compiled model's directory or .weights file")->required();
  command->add_flag("--json", words->json, "as JSON");
  command->add_flag("--chat-template", words->chatTemplate, "only the template of its conversations (Jinja)");
  command->add_flag("--verify", words->verify, "compare all tensors with their checksums");
  command->callback([words, &code] { code = runInspect(*words); });
}

} // namespace gemmac
