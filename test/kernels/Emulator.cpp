//===- Emulator.cpp - calls kernels of another machine --------------------------------------------------===//

#include "Emulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gemmac::test {

namespace {

/// The bytes of memory that buffers span, each byte once.
class Memory {
public:
  explicit Memory(const std::vector<Buffer> &arguments) {
    for (const Buffer &argument : arguments)
      ranges.push_back(spanOf(argument.raw));
    std::sort(ranges.begin(), ranges.end());
    size_t kept = 0;
    for (size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first < ranges[kept].second)
        ranges[kept].second = std::max(ranges[kept].second, ranges[i].second);
      else
        ranges[++kept] = ranges[i];
    }
    ranges.resize(std::min(ranges.size(), kept + 1));
  }

  std::vector<std::pair<uint8_t *, uint8_t *>> ranges;

  /// Which range an address is in, the last one if in none.
  size_t find(const uint8_t *address) const {
    size_t i = 0;
    while (i + 1 < ranges.size() && ranges[i + 1].first <= address)
      ++i;
    return i;
  }

private:
  static std::pair<uint8_t *, uint8_t *> spanOf(const halide_buffer_t &buffer) {
    int64_t last = 0;
    for (int axis = 0; axis < buffer.dimensions; ++axis) {
      if (buffer.dim[axis].extent == 0)
        return {buffer.host, buffer.host};
      last += int64_t(buffer.dim[axis].extent - 1) * buffer.dim[axis].stride;
    }
    return {buffer.host, buffer.host + (last + 1) * buffer.type.bytes()};
  }
};

/// A process of ForeignKernel.c, which loads the kernels that it is asked for. It goes on to the next call,
/// so that a kernel's code is translated once, and ends when its input does.
class Emulator {
public:
  Emulator() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return;
    process = fork();
    if (process == 0) {
      dup2(ends[1], STDIN_FILENO);
      dup2(ends[1], STDOUT_FILENO);
      execl(GEMMAC_QEMU_AARCH64, GEMMAC_QEMU_AARCH64, "-cpu", "max", "-L", GEMMAC_AARCH64_ROOT,
            GEMMAC_FOREIGN_KERNEL, nullptr);
      _exit(127);
    }
    close(ends[1]);
    requests = ends[0];
    answers.reset(fdopen(ends[0], "r"));
  }
  ~Emulator() {
    answers.reset();
    if (process > 0)
      waitpid(process, nullptr, 0);
  }
  Emulator(const Emulator &) = delete;
  Emulator &operator=(const Emulator &) = delete;

  /// What the process says to a line; "" if it has ended.
  std::string ask(const std::string &line) {
    char answer[32];
    bool sent = answers && send(requests, line.data(), line.size(), MSG_NOSIGNAL) == ssize_t(line.size());
    return sent && std::fgets(answer, sizeof answer, answers.get()) ? answer : "";
  }

private:
  struct Close {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };
  pid_t process = -1;
  int requests = -1; ///< the same socket as the answers'
  std::unique_ptr<std::FILE, Close> answers;
};

} // namespace

void emulate(const std::string &library, const std::string &symbol, const std::vector<Buffer> &arguments,
             const std::string &folder) {
  Memory memory(arguments);
  std::string path = folder + "/call";
  std::ofstream call(path, std::ios::binary);
  auto put = [&](int64_t number) { call.write(reinterpret_cast<const char *>(&number), sizeof number); };
  put(int64_t(memory.ranges.size()));
  for (auto [begin, end] : memory.ranges) {
    put(end - begin);
    call.write(reinterpret_cast<const char *>(begin), end - begin);
  }
  put(int64_t(arguments.size()));
  for (const Buffer &argument : arguments) {
    const halide_buffer_t &buffer = argument.raw;
    size_t range = memory.find(buffer.host);
    put(int64_t(range)), put(buffer.host - memory.ranges[range].first), put(buffer.dimensions);
    for (int axis = 0; axis < buffer.dimensions; ++axis)
      put(buffer.dim[axis].min), put(buffer.dim[axis].extent), put(buffer.dim[axis].stride);
  }
  call.close();

  static std::unique_ptr<Emulator> emulator;
  if (!emulator)
    emulator = std::make_unique<Emulator>();
  std::string answer = emulator->ask(library + " " + symbol + " " + path + "\n");
  if (answer != "0\n") {
    emulator.reset(); // the next call finds a new one
    FAIL() << (answer.empty() ? "the emulator has ended" : answer) << " in " << library;
  }
  std::ifstream back(path, std::ios::binary);
  for (auto [begin, end] : memory.ranges)
    back.read(reinterpret_cast<char *>(begin), end - begin);
  ASSERT_TRUE(back.good() || memory.ranges.empty());
}

} // namespace gemmac::test
