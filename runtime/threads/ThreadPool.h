//===- ThreadPool.h - shares a kernel's pieces out to threads -------------------------------------------===//
//
// Pieces 0 … n - 1 are cut into ranges that depend on n and the number of threads alone; which thread runs a
// range does not matter to a task, so results are the same for any number of threads. Each thread has the
// ranges of one stretch of pieces and runs them from its front, so that what it reads is one stream; a thread
// that has none left takes from the end of another's.
//
// Waiting threads spin for some microseconds, as a model's next kernel comes about that soon, and then sleep.

#ifndef GEMMAC_RUNTIME_THREADS_THREADPOOL_H
#define GEMMAC_RUNTIME_THREADS_THREADPOOL_H

#include "gemmac/gemmac.h"
#include "runtime/platform/Platform.h"

#include <atomic>
#include <stdint.h>

namespace gemmac {

class ThreadPool {
public:
  /// `threads` counts the caller: 1 … GEMMAC_MAX_THREADS, and 1 starts none. False if the system refuses one.
  bool start(uint32_t threads);
  void stop();

  /// Runs the task over all pieces and returns when they are done. One caller at a time, and not from within
  /// a task.
  void run(gemmac_task task, void *arguments, int32_t pieces);

  /// As gemmac_step::parallel.
  static void parallel(void *pool, gemmac_task task, void *arguments, int32_t pieces, int32_t) {
    static_cast<ThreadPool *>(pool)->run(task, arguments, pieces);
  }

  uint32_t threads() const { return threadCount; }
  /// Threads that sleep now.
  uint32_t sleeping() const { return sleepers.load(); }

private:
  /// A thread and the ranges that are left of its stretch.
  struct alignas(64) Member {
    /// Number of the job in the upper half, then the first range and the one behind the last, 16 bits each: a
    /// thread that is late can take nothing of another job, and nothing of one that is done.
    std::atomic<uint64_t> left{0};
    ThreadPool *pool = nullptr;
    platform::Thread thread;
  };

  static void work(void *member);
  void runRanges(uint32_t job, uint32_t self);
  /// Takes ranges of a member's stretch, the front ones or the last ones, until none is left; says how many.
  uint32_t runStretch(uint32_t job, Member &member, bool front);
  uint32_t waitForJob(uint32_t last);
  void waitForEnd(uint32_t ranges);

  // The job. Only the caller writes these, and only when all ranges of the job before are done.
  std::atomic<gemmac_task> task{nullptr};
  std::atomic<void *> arguments{nullptr};
  std::atomic<int32_t> pieces{0};
  std::atomic<uint32_t> ranges{0};

  alignas(64) std::atomic<uint32_t> done{0}; ///< ranges of this job that are done
  alignas(64) std::atomic<uint32_t> jobs{0}; ///< number of the newest job; threads sleep on it
  std::atomic<uint32_t> sleepers{0};
  std::atomic<bool> callerSleeps{false};
  std::atomic<bool> stopping{false};

  uint32_t threadCount = 1;
  uint64_t spinNanoseconds = 0;
  Member members[GEMMAC_MAX_THREADS]; ///< the first is the caller
};

} // namespace gemmac

#endif
