//===- Commands.h - what gemmac can be told to do -------------------------------------------------------===//

#ifndef GEMMAC_TOOLS_GEMMAC_COMMANDS_H
#define GEMMAC_TOOLS_GEMMAC_COMMANDS_H

#include "compiler/PreparedModel.h"

#include <CLI/CLI.hpp>

namespace gemmac {

/// What main returns.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 2 };

/// Each adds its subcommand; when that is chosen, it leaves its exit code in `code`.
void addCache(CLI::App &app, int &code);
void addCompile(CLI::App &app, int &code);
void addRun(CLI::App &app, int &code);
void addLogits(CLI::App &app, int &code);
void addBench(CLI::App &app, int &code);
void addTokenize(CLI::App &app, int &code);
void addInspect(CLI::App &app, int &code);
void addTargets(CLI::App &app, int &code);
void addVersion(CLI::App &app, int &code);
void addCompletion(CLI::App &app, int &code);

/// MODEL, and how it is to be compiled if it is a checkpoint.
void addModelOptions(CLI::App *command, ModelRequest &request);
/// Adapters, one a use of the option.
void addLoraOption(CLI::App *command, std::vector<std::string> &lora);

/// Prints what the compiler says on standard error.
void printDiagnostic(const Diagnostic &diagnostic);
/// Prints an error without a place; returns kFailed.
int complain(const std::string &text);

} // namespace gemmac

#endif
