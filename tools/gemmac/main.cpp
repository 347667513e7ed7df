//===- main.cpp - gemmac: compile Gemma models and run them ---------------------------------------------===//
// Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
// 2 the command line is wrong.

#include "tools/gemmac/Commands.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

using namespace gemmac;

void gemmac::printDiagnostic(const Diagnostic &diagnostic) {
  static constexpr const char *kWords[] = {"error", "warning", "remark"};
  std::fprintf(stderr, "%s: %s%s%s\n", kWords[static_cast<int>(diagnostic.severity)],
               diagnostic.place.c_str(), diagnostic.place.empty() ? "" : ": ", diagnostic.text.c_str());
}

int gemmac::complain(const std::string &text) {
  printDiagnostic({Diagnostic::Severity::error, "", text});
  return kFailed;
}

int main(int count, char **words) {
  // A file that may not grow is an error of the write, with a message and nothing left behind.
  std::signal(SIGXFSZ, SIG_IGN);

  CLI::App app("gemmac compiles Gemma models ahead of time into native code for one device.", "gemmac");
  app.require_subcommand(1);
  app.footer("MODEL is a checkpoint's directory, a GGUF file, its name (google/gemma-4-E2B-it) in the local "
             "cache of\n"
             "Hugging Face, a compiled model's directory or its .weights file.\n"
             "Exit codes: 0 done, 1 failed, 2 the command line is wrong.");
  int code = kDone;
  for (auto add : {addCompile, addRun, addLogits, addBench, addTokenize, addInspect, addTargets, addCache,
                   addVersion, addCompletion})
    add(app, code);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError &error) {
    code = app.exit(error, std::cout, std::cerr) == 0 ? kDone : kUsage; // help is no error
  }
  // Where a full disk shows at last.
  errno = 0;
  if (code == kDone && (!std::cout.flush() || std::fflush(stdout) != 0 || std::ferror(stdout)))
    return complain(std::string("cannot write to standard output") + (errno ? ": " : "") +
                    (errno ? std::strerror(errno) : ""));
  return code;
}
