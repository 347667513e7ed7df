//===- BenchedProgram.cpp - an emitted program that answers --bench commands ----------------------------===//

#include "compiler/bench/BenchedProgram.h"

#include "compiler/package/OutputFile.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace gemmac {

using Json = nlohmann::json;

static constexpr double kNanosecond = 1e-9;

llvm::Expected<BenchedProgram> BenchedProgram::start(const std::vector<std::string> &command) {
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) != 0)
    return makeError(std::string("cannot make a pipe: ") + std::strerror(errno));
  if (pipe2(up, O_CLOEXEC) != 0) {
    close(down[0]);
    close(down[1]);
    return makeError(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, up[1], STDOUT_FILENO);
  std::vector<char *> words;
  for (const std::string &word : command)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  BenchedProgram program;
  int error = posix_spawn(&program.process, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  program.commands = fdopen(down[1], "w");
  program.answers = fdopen(up[0], "r");
  if (error) {
    program.process = -1;
    return makeError("cannot run '" + command[0] + "': " + std::strerror(error));
  }
  // That the program has ended is noticed when its answer does not come.
  std::signal(SIGPIPE, SIG_IGN);
  return program;
}

BenchedProgram::BenchedProgram(BenchedProgram &&other)
    : process(std::exchange(other.process, -1)), commands(std::exchange(other.commands, nullptr)),
      answers(std::exchange(other.answers, nullptr)) {}

BenchedProgram::~BenchedProgram() {
  if (commands)
    std::fclose(commands);
  if (answers)
    std::fclose(answers);
  if (process > 0)
    waitpid(process, nullptr, 0);
}

llvm::Expected<std::string> BenchedProgram::ask(const std::string &command) {
  std::fprintf(commands, "%s\n", command.c_str());
  std::fflush(commands);
  char *line = nullptr;
  size_t room = 0;
  ssize_t length = getline(&line, &room, answers);
  std::string answer(length > 0 ? line : "", length > 0 ? static_cast<size_t>(length) : 0);
  std::free(line);
  if (answer.empty())
    return makeError("the program ended when it was to '" + command + "'");
  Json text = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  if (!text.is_object())
    return makeError("the program answers '" + command + "' with '" + answer.substr(0, 200) + "'");
  if (text.contains("error"))
    return makeError("the program cannot '" + command + "': " + text["error"].dump());
  return answer;
}

namespace {
/// CPU time of all processes and of one, in ticks.
struct CpuTime {
  double all = 0, busy = 0, own = 0;

  static CpuTime now(pid_t process) {
    CpuTime time;
    std::ifstream machine("/proc/stat");
    std::string word;
    machine >> word;
    // user, nice, system, idle, iowait, irq, softirq, steal
    double ticks;
    for (int field = 0; field < 8 && machine >> ticks; ++field) {
      time.all += ticks;
      time.busy += field == 3 || field == 4 ? 0 : ticks;
    }
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string line;
    std::getline(file, line);
    // After the name in parentheses, which may contain anything, come fields 3, 4, …; user and system time
    // are 14 and 15.
    std::istringstream fields(line.substr(std::min(line.size(), line.rfind(')') + 1)));
    for (int field = 3; field < 14; ++field)
      fields >> word;
    double user = 0, system = 0;
    fields >> user >> system;
    time.own = user + system;
    return time;
  }
};
} // namespace

llvm::Expected<Timed> BenchedProgram::timed(const std::string &command, bool trace) {
  if (trace)
    if (llvm::Expected<std::string> answer = ask("trace"); !answer)
      return answer.takeError();
  CpuTime before = CpuTime::now(process);
  llvm::Expected<std::string> answer = ask(command);
  if (!answer)
    return answer.takeError();
  CpuTime after = CpuTime::now(process);
  Json text = Json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  Timed timed;
  timed.seconds = text.value("nanoseconds", 0.0) * kNanosecond;
  if (after.all > before.all)
    timed.disturbed =
        std::max(0.0, (after.busy - before.busy - (after.own - before.own)) / (after.all - before.all));
  for (const Json &step : text.value("steps", Json::array())) {
    TracedStep read{step.value("phase", ""),
                    step.value("tokens", int64_t{0}),
                    step.value("position", int64_t{0}),
                    step.value("begin", 0.0) * kNanosecond,
                    step.value("end", 0.0) * kNanosecond,
                    {}};
    std::vector<double> times = step.value("calls", std::vector<double>());
    for (size_t call = 0; call + 1 < times.size(); call += 2)
      read.calls.push_back({times[call] * kNanosecond, times[call + 1] * kNanosecond});
    timed.steps.push_back(std::move(read));
  }
  return timed;
}

llvm::Error BenchedProgram::forget() {
  return ask("forget").takeError();
}
llvm::Expected<Timed> BenchedProgram::prompt(int64_t tokens, bool trace) {
  return timed("prompt " + std::to_string(tokens), trace);
}
llvm::Expected<Timed> BenchedProgram::generate(int64_t tokens, bool trace) {
  return timed("generate " + std::to_string(tokens), trace);
}

llvm::Expected<uint64_t> BenchedProgram::dirtyBytes() {
  llvm::Expected<std::string> answer = ask("memory");
  if (!answer)
    return answer.takeError();
  return Json::parse(*answer, nullptr, /*allow_exceptions=*/false).value("dirty_bytes", uint64_t{0});
}

} // namespace gemmac
