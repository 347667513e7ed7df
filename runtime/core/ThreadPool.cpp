#include "runtime/core/ThreadPool.h"

namespace gemmac {

/// Longer than the gap between two kernels, shorter than the time slice that a sleeping thread gives to
/// others.
static constexpr uint64_t kSpinNanoseconds = 50'000;
/// More ranges than threads, so that one slow core doesn't hold up the others.
static constexpr uint32_t kRangesPerThread = 4;

/// Spins until `ready` or for the pool's time; says whether it was ready.
template <typename Ready>
static bool spin(uint64_t nanoseconds, Ready ready) {
  if (ready())
    return true;
  if (nanoseconds == 0)
    return false;
  uint64_t end = platform::nanoseconds() + nanoseconds;
  do {
    for (int i = 0; i < 64; ++i) {
      platform::pause();
      if (ready())
        return true;
    }
  } while (platform::nanoseconds() < end);
  return false;
}

bool ThreadPool::start(uint32_t threads) {
  threadCount = 1;
  stopping = false;
  // Threads that share a CPU would spin in each other's way.
  spinNanoseconds = threads <= platform::cpuCount() ? kSpinNanoseconds : 0;
  for (; threadCount < threads; ++threadCount)
    if (!platform::startThread(workers[threadCount - 1], work, this)) {
      stop();
      return false;
    }
  return true;
}

void ThreadPool::stop() {
  if (threadCount == 1)
    return;
  stopping = true;
  jobs.fetch_add(1);
  platform::wakeAll(jobs);
  for (uint32_t i = 0; i + 1 < threadCount; ++i)
    platform::joinThread(workers[i]);
  threadCount = 1;
}

void ThreadPool::run(gemmac_task newTask, void *newArguments, int32_t newPieces) {
  if (newPieces <= 0)
    return;
  if (threadCount == 1 || newPieces == 1) {
    newTask(newArguments, 0, newPieces);
    return;
  }
  uint32_t count = static_cast<uint32_t>(newPieces);
  uint32_t newRanges = count < threadCount * kRangesPerThread ? count : threadCount * kRangesPerThread;
  task.store(newTask, std::memory_order_relaxed);
  arguments.store(newArguments, std::memory_order_relaxed);
  pieces.store(newPieces, std::memory_order_relaxed);
  ranges.store(newRanges, std::memory_order_relaxed);
  done.store(0, std::memory_order_relaxed);
  uint32_t job = jobs.load(std::memory_order_relaxed) + 1;
  ticket.store(static_cast<uint64_t>(job) << 32 | newRanges, std::memory_order_release);
  // In this order on both sides, job before sleepers here and sleepers before job in waitForJob: one of the
  // two sees the other.
  jobs.store(job);
  if (sleepers.load() != 0)
    platform::wakeAll(jobs);
  runRanges(job);
  waitForEnd(newRanges);
}

void ThreadPool::runRanges(uint32_t job) {
  uint64_t seen = ticket.load(std::memory_order_acquire);
  // While ranges are left the job is not done and its fields don't change, so that what is read here is this
  // job's if taking the range succeeds.
  while (seen >> 32 == job && static_cast<uint32_t>(seen) != 0) {
    gemmac_task thisTask = task.load(std::memory_order_relaxed);
    void *thisArguments = arguments.load(std::memory_order_relaxed);
    int64_t count = pieces.load(std::memory_order_relaxed);
    uint32_t of = ranges.load(std::memory_order_relaxed);
    uint32_t range = of - static_cast<uint32_t>(seen);
    if (!ticket.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    thisTask(thisArguments, static_cast<int32_t>(count * range / of),
             static_cast<int32_t>(count * (range + 1) / of));
    // As in run: done before callerSleeps here, callerSleeps before done in waitForEnd.
    if (done.fetch_add(1) + 1 == of && callerSleeps.load())
      platform::wakeAll(done);
    seen = ticket.load(std::memory_order_acquire);
  }
}

void ThreadPool::waitForEnd(uint32_t all) {
  if (spin(spinNanoseconds, [&] { return done.load(std::memory_order_acquire) == all; }))
    return;
  callerSleeps.store(true);
  for (uint32_t now = done.load(); now != all; now = done.load())
    platform::sleepWhile(done, now);
  callerSleeps.store(false);
}

uint32_t ThreadPool::waitForJob(uint32_t last) {
  if (!spin(spinNanoseconds, [&] { return jobs.load(std::memory_order_acquire) != last; })) {
    sleepers.fetch_add(1);
    while (jobs.load() == last)
      platform::sleepWhile(jobs, last);
    sleepers.fetch_sub(1);
  }
  return jobs.load(std::memory_order_acquire);
}

void ThreadPool::work(void *pointer) {
  ThreadPool &pool = *static_cast<ThreadPool *>(pointer);
  uint32_t job = 0;
  while (true) {
    job = pool.waitForJob(job);
    if (pool.stopping.load())
      return;
    pool.runRanges(job);
  }
}

} // namespace gemmac
