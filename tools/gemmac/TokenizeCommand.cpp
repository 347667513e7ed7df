//===- TokenizeCommand.cpp - gemmac tokenize ------------------------------------------------------------===//

#include "compiler/package/ModelTokenizer.h"
#include "tools/gemmac/Commands.h"

#include <cstdio>
#include <iterator>

namespace gemmac {
namespace {

struct Words {
  std::string model;
  bool noBos = false, decode = false, skipSpecial = false;
};

std::string standardInput() {
  std::string text;
  char bytes[1 << 16];
  while (size_t read = std::fread(bytes, 1, sizeof(bytes), stdin))
    text.append(bytes, read);
  return text;
}

llvm::Expected<std::string> convert(const Words &words, const std::string &input) {
  llvm::Expected<ModelTokenizer> tokenizer = ModelTokenizer::open(words.model);
  if (!tokenizer)
    return tokenizer.takeError();
  if (words.decode) {
    llvm::Expected<std::vector<int32_t>> ids = parseIds(input);
    if (!ids)
      return ids.takeError();
    return tokenizer->decode(*ids, words.skipSpecial);
  }
  llvm::Expected<std::vector<int32_t>> ids = tokenizer->encode(input, !words.noBos);
  if (!ids)
    return ids.takeError();
  std::string line;
  for (int32_t id : *ids)
    line += (line.empty() ? "" : " ") + std::to_string(id);
  return line + "\n";
}

int runTokenize(const Words &words) {
  llvm::Expected<std::string> output = convert(words, standardInput());
  if (!output)
    return complain(llvm::toString(output.takeError()));
  std::fwrite(output->data(), 1, output->size(), stdout);
  return kDone;
}

} // namespace

void addTokenize(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command =
      app.add_subcommand("tokenize", "Text on standard input to ids on standard output, or back");
  command->add_option("MODEL", words->model, "checkpoint or compiled model")->required();
  command->add_flag("--no-bos", words->noBos, "ids do not begin with bos");
  CLI::Option *decode = command->add_flag("--decode", words->decode, "ids on standard input to text");
  command->add_flag("--skip-special", words->skipSpecial, "leave special tokens out of the text")
      ->needs(decode);
  command->callback([words, &code] { code = runTokenize(*words); });
}

} // namespace gemmac
