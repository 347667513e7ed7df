#include "runtime/threads/ThreadPool.h"

namespace gemmac {

/// Longer than the gap between two kernels, shorter than the time slice that a sleeping thread gives to
/// others.
static constexpr uint64_t kSpinNanoseconds = 50'000;
/// More ranges than threads, so that one slow core doesn't hold up the others.
static constexpr uint32_t kRangesPerThread = 4;

static uint64_t stretch(uint32_t job, uint32_t begin, uint32_t end) {
  return static_cast<uint64_t>(job) << 32 | begin << 16 | end;
}

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
  // With fewer CPUs than threads, spinning threads would keep others from running.
  spinNanoseconds = threads <= platform::cpuCount() ? kSpinNanoseconds : 0;
  for (; threadCount < threads; ++threadCount) {
    Member &member = members[threadCount];
    member.pool = this;
    if (!platform::startThread(member.thread, work, &member)) {
      stop();
      return false;
    }
  }
  return true;
}

void ThreadPool::stop() {
  if (threadCount == 1)
    return;
  stopping = true;
  jobs.fetch_add(1);
  platform::wakeAll(jobs);
  for (uint32_t i = 1; i < threadCount; ++i)
    platform::joinThread(members[i].thread);
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
  for (uint32_t i = 0; i < threadCount; ++i)
    members[i].left.store(stretch(job, newRanges * i / threadCount, newRanges * (i + 1) / threadCount),
                          std::memory_order_release);
  // In this order on both sides, job before sleepers here and sleepers before job in waitForJob: one of the
  // two sees the other.
  jobs.store(job);
  if (sleepers.load() != 0)
    platform::wakeAll(jobs);
  runRanges(job, 0);
  waitForEnd(newRanges);
}

uint32_t ThreadPool::runStretch(uint32_t job, Member &member, bool front) {
  uint32_t ran = 0;
  uint64_t seen = member.left.load(std::memory_order_acquire);
  while (true) {
    uint32_t begin = static_cast<uint32_t>(seen) >> 16, end = static_cast<uint32_t>(seen) & 0xffff;
    if (seen >> 32 != job || begin == end)
      return ran;
    // While ranges are left the job is not done and its fields don't change, so that what is read here is
    // this job's if taking the range succeeds.
    gemmac_task thisTask = task.load(std::memory_order_relaxed);
    void *thisArguments = arguments.load(std::memory_order_relaxed);
    int64_t count = pieces.load(std::memory_order_relaxed);
    uint32_t of = ranges.load(std::memory_order_relaxed);
    uint32_t range = front ? begin : end - 1;
    uint64_t rest = front ? stretch(job, begin + 1, end) : stretch(job, begin, end - 1);
    if (!member.left.compare_exchange_weak(seen, rest, std::memory_order_acq_rel, std::memory_order_acquire))
      continue;
    thisTask(thisArguments, static_cast<int32_t>(count * range / of),
             static_cast<int32_t>(count * (range + 1) / of));
    ++ran;
    seen = member.left.load(std::memory_order_acquire);
  }
}

void ThreadPool::runRanges(uint32_t job, uint32_t self) {
  uint32_t ran = runStretch(job, members[self], true);
  for (uint32_t i = 1; i < threadCount; ++i)
    ran += runStretch(job, members[(self + i) % threadCount], false);
  // Nothing that it ran is counted before, so the job is not done, and this is its number of ranges. As in
  // run: done before callerSleeps here, callerSleeps before done in waitForEnd.
  if (ran == 0)
    return;
  uint32_t of = ranges.load(std::memory_order_relaxed);
  if (done.fetch_add(ran) + ran == of && callerSleeps.load())
    platform::wakeAll(done);
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
  Member &member = *static_cast<Member *>(pointer);
  ThreadPool &pool = *member.pool;
  uint32_t self = static_cast<uint32_t>(&member - pool.members);
  uint32_t job = 0;
  while (true) {
    job = pool.waitForJob(job);
    if (pool.stopping.load())
      return;
    pool.runRanges(job, self);
  }
}

} // namespace gemmac
