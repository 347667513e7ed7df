//===- RunCommand.cpp - gemmac run and gemmac logits ----------------------------------------------------===//
// Both become the emitted program: this process compiles if it must and then is replaced by it.

#include "compiler/PreparedModel.h"
#include "contract/Scheme.h"
#include "runtime/program/Options.h"
#include "tools/gemmac/Commands.h"
#include "tools/gemmac/Progress.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace gemmac {
namespace {

struct Words {
  ModelRequest request;
  std::vector<std::string> program; ///< what the emitted program is told
};

int become(const std::vector<std::string> &words) {
  std::vector<char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  return complain("cannot run '" + words[0] + "': " + std::strerror(errno));
}

int runProgram(Words &words) {
  std::vector<std::string> command;
  std::shared_ptr<ModelLock> lock;
  {
    ProgressPrinter progress;
    words.request.progress = std::ref(progress);
    llvm::FailureOr<PreparedModel> model = prepareModel(words.request, [&](const Diagnostic &diagnostic) {
      progress.clear();
      printDiagnostic(diagnostic);
    });
    if (failed(model))
      return kFailed; // already reported, with its place
    lock = model->lock;
    command = model->command;
    command.insert(command.end(), {"--weights", model->weights});
  }
  command.insert(command.end(), words.program.begin(), words.program.end());
  if (lock)
    lock->keepOverExec();
  return become(command);
}

CLI::App *addModelCommand(CLI::App &app, const char *name, const char *description,
                          std::shared_ptr<Words> words) {
  CLI::App *command = app.add_subcommand(name, description);
  addModelOptions(command, words->request);
  return command;
}

std::string described(const program::Option &option) {
  char text[256];
  program::describe(option, text, sizeof(text));
  return text;
}

/// An option of the emitted program, passed on as it is: the program says what fits. `names`: what it is
/// called here, if not as there.
CLI::Option *forward(CLI::App *command, std::shared_ptr<Words> words, const std::string &name,
                     std::string names = "") {
  const program::Option *option = program::findOption(name.data(), name.size());
  assert(option && "the program has this option");
  if (names.empty())
    names = option->letter ? std::string("-") + option->letter + "," + name : name;
  if (option->value.kind == program::Value::flag)
    return command->add_flag_callback(
        names, [words, name] { words->program.push_back(name); }, described(*option));
  return command
      ->add_option_function<std::string>(
          names,
          [words, name](const std::string &value) {
            words->program.insert(words->program.end(), {name, value});
          },
          described(*option))
      ->type_name(option->valueName);
}

} // namespace

void addModelOptions(CLI::App *command, ModelRequest &request) {
  command->add_option("MODEL", request.model, "checkpoint or compiled model")->required();
  command->add_option("--target", request.target, "device, see `gemmac targets`");
  command->add_option("--scheme", request.scheme,
                      "how weights are stored: " + namesOfSchemes(&SchemeRow::weights) + ", file, or a mix");
  command->add_option("--cache-scheme", request.cacheScheme,
                      "how keys and values are stored: " + namesOfSchemes(&SchemeRow::caches) +
                          ", or sliding=f16,global=q8_0");
  command->add_option("--context", request.context, "positions that the caches hold");
  addLoraOption(command, request.lora);
}

void addLoraOption(CLI::App *command, std::vector<std::string> &lora) {
  command->add_option("--lora", lora, "a PEFT adapter to merge into the weights; may be given again")
      ->type_name("DIR[:SCALE]")
      ->allow_extra_args(false);
}

void addRun(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = addModelCommand(app, "run", "Generate text; compiles a checkpoint first", words);
  for (const program::Option &option : program::kOptions)
    if (option.ofRun)
      forward(command, words, option.name)->group(program::kGroupTitles[static_cast<size_t>(option.group)]);
  command->callback([words, &code] { code = runProgram(*words); });
}

void addLogits(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = addModelCommand(
      app, "logits", "Write the logits of every token, float32 (tokens, vocabulary), as a NumPy file", words);
  forward(command, words, "--ids-file")->required();
  forward(command, words, "--logits", "-o,--output")->description("the .npy file")->required();
  command->add_option_function<int64_t>(
      "--chunk",
      [words](int64_t chunk) {
        // A program that is compiled for this must have room for such a chunk.
        if (chunk > kDefaultMaxTokens)
          words->request.maxTokens = chunk;
        words->program.insert(words->program.end(), {"--chunk", std::to_string(chunk)});
      },
      "tokens that run at once");
  forward(command, words, "--threads");
  command->callback([words, &code] { code = runProgram(*words); });
}

} // namespace gemmac
