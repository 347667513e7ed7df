#include "runtime/threads/ThreadPool.h"

#include <gtest/gtest.h>

#include <vector>

using namespace gemmac;

namespace {

/// Counts how often each piece was run, and remembers the ranges.
struct Counts {
  explicit Counts(int32_t pieces) : runs(pieces) {}
  std::vector<std::atomic<int>> runs;

  static void task(void *arguments, int32_t begin, int32_t end) {
    Counts &counts = *static_cast<Counts *>(arguments);
    EXPECT_LT(begin, end);
    for (int32_t i = begin; i < end; ++i)
      counts.runs[i].fetch_add(1, std::memory_order_relaxed);
  }
};

struct ThreadPoolTest : testing::TestWithParam<uint32_t> {
  void SetUp() override { ASSERT_TRUE(pool.start(GetParam())); }
  void TearDown() override { pool.stop(); }
  ThreadPool pool;
};

TEST_P(ThreadPoolTest, RunsEveryPieceOnce) {
  for (int32_t pieces : {0, 1, 2, 3, 5, 7, 8, 31, 32, 33, 100, 4097}) {
    Counts counts(pieces);
    pool.run(Counts::task, &counts, pieces);
    for (int32_t i = 0; i < pieces; ++i)
      ASSERT_EQ(counts.runs[i].load(), 1) << "piece " << i << " of " << pieces;
  }
}

TEST_P(ThreadPoolTest, ManyTinyJobs) {
  // Each job's arguments live on this stack only until run returns: a thread that is late would be seen.
  for (int job = 0; job < 3000; ++job) {
    Counts counts(1 + job % 17);
    pool.run(Counts::task, &counts, 1 + job % 17);
    for (auto &runs : counts.runs)
      ASSERT_EQ(runs.load(), 1) << "job " << job;
  }
}

TEST_P(ThreadPoolTest, ThreadsSleepBetweenJobsAndWakeUp) {
  for (int round = 0; round < 3; ++round) {
    uint64_t end = platform::nanoseconds() + 5'000'000'000u;
    while (pool.sleeping() + 1 < pool.threads() && platform::nanoseconds() < end)
      ;
    EXPECT_EQ(pool.sleeping() + 1, pool.threads());
    Counts counts(1000);
    pool.run(Counts::task, &counts, 1000);
    for (auto &runs : counts.runs)
      ASSERT_EQ(runs.load(), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Range(1u, 9u));

TEST(ThreadPool, OneThreadRunsInline) {
  ThreadPool pool;
  ASSERT_TRUE(pool.start(1));
  std::vector<std::pair<int32_t, int32_t>> ranges;
  pool.run(
      [](void *arguments, int32_t begin, int32_t end) {
        static_cast<std::vector<std::pair<int32_t, int32_t>> *>(arguments)->emplace_back(begin, end);
      },
      &ranges, 100);
  EXPECT_EQ(ranges, (std::vector<std::pair<int32_t, int32_t>>{{0, 100}}));
  pool.stop();
}

TEST(ThreadPool, StartsAgainAfterStop) {
  ThreadPool pool;
  for (uint32_t threads : {3u, 2u, 4u}) {
    ASSERT_TRUE(pool.start(threads));
    Counts counts(50);
    pool.run(Counts::task, &counts, 50);
    for (auto &runs : counts.runs)
      ASSERT_EQ(runs.load(), 1);
    pool.stop();
  }
}

} // namespace
