//===- Platform.h - the machine, as the runtime sees it -------------------------------------------------===//
// One folder beside this file implements it for one kind of system.

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

/// Null, or why not in the system's words. A file of no bytes has none to map and is refused.
const char *mapFile(const char *path, MappedFile &file);
void unmapFile(MappedFile &file);

/// How a part of a mapped file will be read; advice, which no result depends on.
enum class Access {
  streamed, ///< all of it, again and again: in huge pages, read ahead
  scattered ///< a few bytes here and there: nothing around them
};
void expectAccess(const MappedFile &file, uint64_t offset, uint64_t bytes, Access access);

/// Zeroed memory, page aligned; null if there is none.
void *takePages(size_t bytes);
void givePagesBack(void *pages, size_t bytes);

/// CPUs that this process may run on, at least 1.
uint32_t cpuCount();

/// Does the CPU have it? "avx2", "avx512vnni", "asimddp": LLVM's names, and on ARM also Linux's. What a
/// system gives only to those who ask, the tiles of AMX, it asks for, for the whole process.
enum class Feature { absent, present, unknown };
Feature cpuFeature(const char *name, size_t length);

/// "x86-64", "AArch64"
const char *cpuFamily();

/// Stays where it is from start to join.
struct Thread {
  alignas(8) unsigned char handle[16]; ///< the system's own
  void (*run)(void *);
  void *argument;
};
bool startThread(Thread &thread, void (*run)(void *), void *argument);
void joinThread(Thread &thread);

/// Sleeps while *word is `value`; may wake up for no reason.
void sleepWhile(std::atomic<uint32_t> &word, uint32_t value);
void wakeAll(std::atomic<uint32_t> &word);

/// Tells the CPU that this is a loop that waits.
inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Of a clock that never goes back.
uint64_t nanoseconds();

} // namespace gemmac::platform

#endif
