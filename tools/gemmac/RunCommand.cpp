//===- RunCommand.cpp - gemmac run and gemmac logits ----------------------------------------------------===//
// Both become the emitted program: this process compiles if it must and then is replaced by it.

#include "compiler/PreparedModel.h"
#include "contract/Scheme.h"
#include "tools/gemmac/Commands.h"
#include "tools/gemmac/Progress.h"

#include <algorithm>
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
  {
    ProgressPrinter progress;
    words.request.progress = std::ref(progress);
    llvm::FailureOr<PreparedModel> model = prepareModel(words.request, [&](const Diagnostic &diagnostic) {
      progress.clear();
      printDiagnostic(diagnostic);
    });
    if (failed(model))
      return kFailed; // already reported, with its place
    command = model->command;
    command.insert(command.end(), {"--weights", model->weights});
  }
  command.insert(command.end(), words.program.begin(), words.program.end());
  return become(command);
}

CLI::App *addModelCommand(CLI::App &app, const char *name, const char *description,
                          std::shared_ptr<Words> words) {
  CLI::App *command = app.add_subcommand(name, description);
  addModelOptions(command, words->request);
  return command;
}

/// An option of the emitted program, passed on as it is: the program says what fits.
void forward(CLI::App *command, std::shared_ptr<Words> words, const std::string &names,
             const std::string &name, const std::string &description) {
  command->add_option_function<std::string>(
      names,
      [words, name](const std::string &value) {
        words->program.push_back(name);
        words->program.push_back(value);
      },
      description);
}

void forwardFlag(CLI::App *command, std::shared_ptr<Words> words, const std::string &name,
                 const std::string &description) {
  command->add_flag_callback(name, [words, name] { words->program.push_back(name); }, description);
}

} // namespace

void addModelOptions(CLI::App *command, ModelRequest &request) {
  command->add_option("MODEL", request.model, "checkpoint or compiled model")->required();
  command->add_option("--target", request.target, "device, see `gemmac targets`");
  command->add_option("--scheme", request.scheme,
                      "how weights are stored: " + namesOfSchemes(&SchemeRow::weights) + ", file");
  command->add_option("--cache-scheme", request.cacheScheme,
                      "how keys and values are stored: " + namesOfSchemes(&SchemeRow::caches) +
                          ", or sliding=f16,global=q8_0");
  command->add_option("--context", request.context, "positions that the caches hold");
}

void addRun(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = addModelCommand(app, "run", "Generate text; compiles a checkpoint first", words);
  forward(command, words, "--prompt", "--prompt", "continue this text; - reads it from standard input");
  forward(command, words, "--ids-file", "--ids-file", "continue these ids; - reads them from standard input");
  forward(command, words, "-n,--n-predict", "--n-predict",
          "tokens to generate; -1: until a stop token (128)");
  forward(command, words, "--print", "--print", "text or ids (text)");
  forward(command, words, "--temp", "--temp", "temperature; 0: always the best token (the model's)");
  forward(command, words, "--top-k", "--top-k", "of the K best; 0: of all (the model's)");
  forward(command, words, "--top-p", "--top-p", "of the best whose probabilities sum up to P (the model's)");
  forward(command, words, "--min-p", "--min-p",
          "of those at least P times as likely as the best (the model's)");
  forward(command, words, "--repeat-penalty", "--repeat-penalty",
          "penalty for tokens that were there (the model's)");
  forward(command, words, "--seed", "--seed", "same seed, same text (another one each time)");
  forward(command, words, "--threads", "--threads", "of the program (one a CPU)");
  forward(command, words, "--chunk", "--chunk", "tokens of the prompt that run at once");
  forwardFlag(command, words, "--ignore-eos", "stop tokens are tokens like others");
  forwardFlag(command, words, "--no-bos", "the prompt does not begin with bos");
  forwardFlag(command, words, "--verify", "first compare the weights with their checksums");
  forwardFlag(command, words, "--stats", "a line about speed and memory on standard error");
  command->callback([words, &code] { code = runProgram(*words); });
}

void addLogits(CLI::App &app, int &code) {
  auto words = std::make_shared<Words>();
  CLI::App *command = addModelCommand(
      app, "logits", "Write the logits of every token, float32 (tokens, vocabulary), as a NumPy file", words);
  forward(command, words, "--ids-file", "--ids-file", "token ids, decimal, between blanks");
  command->get_option("--ids-file")->required();
  forward(command, words, "-o,--output", "--logits", "the .npy file");
  command->get_option("--output")->required();
  command->add_option_function<int64_t>(
      "--chunk",
      [words](int64_t chunk) {
        // A program that is compiled for this must have room for such a chunk.
        if (chunk > kDefaultMaxTokens)
          words->request.maxTokens = chunk;
        words->program.insert(words->program.end(), {"--chunk", std::to_string(chunk)});
      },
      "tokens that run at once");
  forward(command, words, "--threads", "--threads", "of the program (one a CPU)");
  command->callback([words, &code] { code = runProgram(*words); });
}

} // namespace gemmac
