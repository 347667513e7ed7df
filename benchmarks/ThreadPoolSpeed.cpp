//===- ThreadPoolSpeed.cpp - what it costs to share work out --------------------------------------------===//
//
// thread-pool-speed [threads] — microseconds from handing out a job that does nothing to having it back, and
// of the same job as one piece, which stays on the calling thread: the median and the best of some runs.

#include "runtime/threads/ThreadPool.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace gemmac;

static void measure(ThreadPool &pool, int32_t pieces) {
  constexpr int kRuns = 51, kJobs = 1000;
  std::vector<double> microseconds;
  for (int run = 0; run < kRuns; ++run) {
    uint64_t begin = platform::nanoseconds();
    for (int job = 0; job < kJobs; ++job)
      pool.run([](void *, int32_t, int32_t) {}, nullptr, pieces);
    microseconds.push_back(double(platform::nanoseconds() - begin) * 1e-3 / kJobs);
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::printf("%4d pieces: median %.3f us, best %.3f us\n", pieces, microseconds[kRuns / 2], microseconds[0]);
}

int main(int count, char **arguments) {
  uint32_t threads = count > 1 ? uint32_t(std::atoi(arguments[1])) : platform::cpuCount();
  static ThreadPool pool;
  if (threads < 1 || threads > GEMMAC_MAX_THREADS || !pool.start(threads)) {
    std::fprintf(stderr, "%u threads cannot be started\n", threads);
    return 1;
  }
  std::printf("%u threads\n", threads);
  for (int32_t pieces : {1, int32_t(threads), int32_t(threads) * 4})
    measure(pool, pieces);
  pool.stop();
}
