#include "runtime/platform/Platform.h"
#include "runtime/platform/posix/CpuQuota.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#endif

namespace gemmac::platform {

/// Null if it has bytes to map.
static const char *problemWith(const struct stat &about) {
  if (S_ISDIR(about.st_mode))
    return "is a directory, not a file";
  if (!S_ISREG(about.st_mode))
    return "is no regular file";
  return about.st_size == 0 ? "the file is empty" : nullptr;
}

const char *mapFile(const char *path, MappedFile &file) {
  // Looked at before it is opened, which alone has effects on devices. What was put there since then does not
  // block either: a pipe would until it has a writer.
  struct stat about;
  if (stat(path, &about) != 0)
    return strerror(errno);
  if (const char *reason = problemWith(about))
    return reason;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0)
    return strerror(errno);
  const char *reason = fstat(descriptor, &about) != 0 ? strerror(errno) : problemWith(about);
  if (!reason) {
    void *bytes = mmap(nullptr, about.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (bytes == MAP_FAILED)
      reason = strerror(errno);
    else
      file = {static_cast<const uint8_t *>(bytes), static_cast<uint64_t>(about.st_size)};
  }
  close(descriptor);
  return reason;
}

void unmapFile(MappedFile &file) {
  if (file.bytes)
    munmap(const_cast<uint8_t *>(file.bytes), file.size);
  file = {};
}

void expectAccess(const MappedFile &file, uint64_t offset, uint64_t bytes, Access access) {
  // Pages that lie only partly in the range keep their previous advice.
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t begin = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
  if (begin >= end)
    return;
  void *address = const_cast<uint8_t *>(file.bytes) + begin;
  bool streamed = access == Access::streamed;
#if defined(MADV_HUGEPAGE)
  // Works for files too where the file system supports huge pages; elsewhere the call fails harmlessly.
  madvise(address, end - begin, streamed ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#endif
  madvise(address, end - begin, streamed ? MADV_NORMAL : MADV_RANDOM);
}

void *takePages(size_t bytes) {
  void *pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

void givePagesBack(void *pages, size_t bytes) {
  munmap(pages, bytes);
}

/// CPUs that this process may be scheduled on.
static uint32_t cpusOfMask() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    return CPU_COUNT(&allowed) > 0 ? CPU_COUNT(&allowed) : 1;
#endif
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<uint32_t>(online) : 1;
}

uint32_t cpuCount() {
  const uint32_t ofMask = cpusOfMask(), ofQuota = cpusOfQuota("");
  return ofMask < ofQuota ? ofMask : ofQuota;
}

static void *threadMain(void *pointer) {
  Thread &thread = *static_cast<Thread *>(pointer);
  thread.run(thread.argument);
  return nullptr;
}

bool startThread(Thread &thread, void (*run)(void *), void *argument) {
  static_assert(sizeof(pthread_t) <= sizeof(thread.handle), "a handle holds a pthread_t");
  thread.run = run;
  thread.argument = argument;
  pthread_t started;
  if (pthread_create(&started, nullptr, threadMain, &thread) != 0)
    return false;
  memcpy(thread.handle, &started, sizeof(started));
  return true;
}

void joinThread(Thread &thread) {
  pthread_t started;
  memcpy(&started, thread.handle, sizeof(started));
  pthread_join(started, nullptr);
}

#if defined(__linux__)

void sleepWhile(std::atomic<uint32_t> &word, uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

#else

// All words share one condition variable: spurious wake-ups are allowed.
static pthread_mutex_t sleepMutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleepCondition = PTHREAD_COND_INITIALIZER;

void sleepWhile(std::atomic<uint32_t> &word, uint32_t value) {
  pthread_mutex_lock(&sleepMutex);
  if (word.load() == value)
    pthread_cond_wait(&sleepCondition, &sleepMutex);
  pthread_mutex_unlock(&sleepMutex);
}

void wakeAll(std::atomic<uint32_t> &) {
  pthread_mutex_lock(&sleepMutex);
  pthread_cond_broadcast(&sleepCondition);
  pthread_mutex_unlock(&sleepMutex);
}

#endif

uint64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

} // namespace gemmac::platform
