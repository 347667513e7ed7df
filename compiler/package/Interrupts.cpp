//===- Interrupts.cpp - what an interrupted process leaves behind: nothing ------------------------------===//

#include "compiler/package/Interrupts.h"

#include "compiler/package/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <mutex>
#include <sys/wait.h>
#include <unistd.h>

namespace gemmac {

namespace fs = llvm::sys::fs;

// ---- What the handler sees, and may do: only what is safe in the middle of anything.

namespace {

struct Slot {
  std::atomic<const char *> folder; ///< null: free
  std::atomic<bool> withFiles;
};
constexpr int kSlots = 32;
Slot slots[kSlots];
std::atomic<pid_t> runningProgram; ///< the leader of a group of processes; 0: none runs

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
struct sigaction previous[std::size(kSignals)];

void removeFilesIn(const char *folder) {
  const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  alignas(dirent64) char buffer[4096];
  // Read before they are removed, and from the beginning until none is left.
  for (bool removed = true; removed;) {
    removed = false;
    lseek(descriptor, 0, SEEK_SET);
    for (ssize_t got; (got = getdents64(descriptor, buffer, sizeof(buffer))) > 0;)
      for (ssize_t at = 0; at < got;) {
        const auto &entry = *reinterpret_cast<const dirent64 *>(buffer + at);
        removed |= unlinkat(descriptor, entry.d_name, 0) == 0; // fails for "." and ".."
        at += entry.d_reclen;
      }
  }
  close(descriptor);
}

/// What a linker that goes on would write after its folder has been removed would stay.
void endProgram() {
  const pid_t leader = runningProgram.exchange(0);
  if (leader <= 0)
    return;
  kill(-leader, SIGTERM);
  const timespec pause = {0, 10'000'000};
  for (int i = 0; i < 200; ++i) {
    waitpid(leader, nullptr, WNOHANG);
    if (kill(-leader, 0) != 0 && errno == ESRCH)
      return;
    if (i == 100)
      kill(-leader, SIGKILL);
    nanosleep(&pause, nullptr);
  }
}

void clean(int signal) {
  const int error = errno;
  endProgram();
  llvm::sys::RunInterruptHandlers(); // removes temporary files
  for (Slot &slot : slots)
    if (const char *folder = slot.folder.exchange(nullptr)) {
      if (slot.withFiles)
        removeFilesIn(folder);
      rmdir(folder);
    }
  errno = error;
  for (size_t i = 0; i < std::size(kSignals); ++i)
    if (kSignals[i] == signal)
      sigaction(signal, &previous[i], nullptr);
  raise(signal); // comes when this returns
}

void installHandlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], nullptr, &previous[i]);
      if (previous[i].sa_handler == SIG_IGN)
        continue; // nohup
      struct sigaction action = {};
      action.sa_handler = clean;
      sigaction(kSignals[i], &action, nullptr);
    }
  });
}

} // namespace

// ---- Folders

RemovedOnInterrupt::RemovedOnInterrupt(std::string folder, Contents contents)
    : folder_(std::move(folder)), slot(-1) {
  installHandlers();
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  for (int i = 0; i < kSlots && slot < 0; ++i)
    if (!slots[i].folder.load()) {
      slots[i].withFiles = contents == Contents::files;
      slots[i].folder = folder_.c_str();
      slot = i;
    }
}

RemovedOnInterrupt::~RemovedOnInterrupt() {
  if (slot >= 0)
    slots[slot].folder = nullptr;
}

TemporaryFolder::TemporaryFolder(std::string path)
    : guard(std::make_unique<RemovedOnInterrupt>(std::move(path), RemovedOnInterrupt::Contents::files)) {}

llvm::Expected<TemporaryFolder> TemporaryFolder::create(const std::string &name) {
  llvm::SmallString<128> parent, path;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, parent);
  if (std::error_code error = fs::createUniqueDirectory(name, path))
    return makeError("cannot make a folder in '" + parent + "': " + error.message());
  return TemporaryFolder(path.str().str());
}

TemporaryFolder::~TemporaryFolder() {
  if (guard)
    fs::remove_directories(path());
}

// ---- Programs

llvm::Expected<int> runToTheEnd(const std::vector<std::string> &command, const std::string &output) {
  installHandlers();
  std::vector<llvm::StringRef> words(command.begin(), command.end());
  const std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), output, output};
  std::string problem;
  bool failed = false;
  // A group of its own, which can be ended as a whole.
  llvm::sys::ProcessInfo started = llvm::sys::ExecuteNoWait(
      command.front(), words, std::nullopt, redirects, 0, &problem, &failed, nullptr, /*DetachProcess=*/true);
  if (failed)
    return makeError("cannot run '" + command.front() + "': " + problem);
  runningProgram = started.Pid;
  llvm::sys::ProcessInfo ended = llvm::sys::Wait(started, std::nullopt, &problem);
  runningProgram = 0;
  if (ended.ReturnCode < 0)
    return makeError("'" + command.front() + "' did not end by itself: " + problem);
  return ended.ReturnCode;
}

} // namespace gemmac
