//===- Platform.h - the machine, as the runtime sees it -------------------------------------------------===//
// Each folder beside this file implements it for one kind of operating system.

#ifndef GEMMAC_RUNTIME_PLATFORM_PLATFORM_H
#define GEMMAC_RUNTIME_PLATFORM_PLATFORM_H

#include <atomic>
#include <stddef.h>
#include <stdint.h>

namespace gemmac::platform {

struct MappedFile {
  const uint8_t *bytes = nullptr; ///< read-only, page aligned
  uint64_t size = 0;
};

/// Null, or the system's error message. Only regular files that are not empty are mapped; nothing else is
/// opened.
const char *mapFile(const char *path, MappedFile &file);
void unmapFile(MappedFile &file);

/// How a range of a mapped file will be read: a hint, which affects no result.
enum class Access {
  streamed, ///< all of it, repeatedly: use huge pages and read-ahead
  scattered ///< a few bytes here and there: no read-ahead
};
void expectAccess(const MappedFile &file, uint64_t offset, uint64_t bytes, Access access);

/// Zeroed memory, page aligned; null if there is none.
void *takePages(size_t bytes);
void givePagesBack(void *pages, size_t bytes);

/// CPUs that this process may run on, or fewer where the quota of its control groups is worth fewer; at
/// least 1.
uint32_t cpuCount();

/// Does the CPU have it? "avx2", "avx512vnni", "asimddp": LLVM's names, and on ARM also Linux's. Features
/// that the OS grants on request (AMX) are requested here, for the whole process.
enum class Feature { absent, present, unknown };
Feature cpuFeature(const char *name, size_t length);

/// "x86-64", "AArch64"
const char *cpuFamily();

/// Must not move between start and join.
struct Thread {
  alignas(8) unsigned char handle[16]; ///< the OS's thread handle
  void (*run)(void *);
  void *argument;
};
bool startThread(Thread &thread, void (*run)(void *), void *argument);
void joinThread(Thread &thread);

/// Sleeps while *word is `value`; spurious wake-ups are possible.
void sleepWhile(std::atomic<uint32_t> &word, uint32_t value);
void wakeAll(std::atomic<uint32_t> &word);

/// A hint to the CPU inside a spin loop (pause, yield).
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A monotonic clock.
uint64_t nanoseconds();

} // namespace gemmac::platform

#endif
