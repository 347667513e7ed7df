//===- MachineLimits.cpp - how much this machine can read and multiply, measured ------------------------===//

#include "compiler/bench/MachineLimits.h"

#include "compiler/bench/MachineLoops.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <sched.h>
#include <sys/mman.h>
#include <thread>

namespace gemmac {

/// Far larger than any last-level cache, as a model's weights are.
static constexpr size_t kReadBytes = 512 << 20;
static constexpr int kReadRuns = 5, kProductRuns = 5;
static constexpr double kProductSeconds = 0.02;

using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Each thread is pinned to a CPU of its own: unpinned threads that spin on a barrier were seen to start on
/// the same CPU.
static void stayOnCpu(int thread) {
  cpu_set_t allowed, one;
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return;
  int wanted = thread % CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && wanted-- == 0) {
      CPU_SET(cpu, &one);
      sched_setaffinity(0, sizeof(one), &one);
      return;
    }
}

/// Runs work(thread) on so many threads that begin at once; returns the seconds that the slowest takes.
static double together(int threads, const std::function<void(int)> &work) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread)
    all.emplace_back([&, thread] {
      stayOnCpu(thread);
      ++ready;
      while (!go.load(std::memory_order_acquire)) {
      }
      work(thread);
    });
  while (ready.load() < threads)
    std::this_thread::yield();
  auto begin = Clock::now();
  go.store(true, std::memory_order_release);
  for (std::thread &thread : all)
    thread.join();
  return secondsSince(begin);
}

static double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers[numbers.size() / 2];
}

/// The median of the best way to read.
static double bytesPerSecond(const uint8_t *bytes, int threads) {
  static std::atomic<uint64_t> sink; // keeps the compiler from removing the reads
  const size_t part = kReadBytes / static_cast<size_t>(threads) / 4096 * 4096;
  double best = 0;
  for (ReadLoop read : readLoops()) {
    std::vector<double> rates;
    for (int run = 0; run < kReadRuns; ++run) {
      double seconds = together(
          threads, [&](int thread) { sink += read(bytes + static_cast<size_t>(thread) * part, part); });
      rates.push_back(static_cast<double>(part) * threads / seconds);
    }
    best = std::max(best, median(rates));
  }
  return best;
}

/// The best run of the best loop: an upper bound.
static double productsPerSecond(const std::vector<ProductLoop> &loops, int threads) {
  double best = 0;
  for (const ProductLoop &loop : loops)
    for (int run = 0; run < kProductRuns; ++run) {
      std::vector<double> rates(static_cast<size_t>(threads));
      together(threads, [&](int thread) {
        loop.run(); // warm-up: powers up wide vector units
        auto begin = Clock::now();
        double done = 0, seconds;
        do {
          loop.run();
          done += loop.products;
          seconds = secondsSince(begin);
        } while (seconds < kProductSeconds);
        rates[static_cast<size_t>(thread)] = done / seconds;
      });
      double sum = 0;
      for (double rate : rates)
        sum += rate;
      best = std::max(best, sum);
    }
  return best;
}

MachineLimits measureMachine(int threads) {
  MachineLimits limits;
  limits.integerProducts = productsPerSecond(integerLoops(), threads);
  limits.floatProducts = productsPerSecond(floatLoops(), threads);
  void *pages = mmap(nullptr, kReadBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return limits;
  auto giveBack = llvm::make_scope_exit([&] { munmap(pages, kReadBytes); });
  madvise(pages, kReadBytes, MADV_HUGEPAGE);
  auto *bytes = static_cast<uint8_t *>(pages);
  // Written first: untouched pages all map to one page of zeros.
  for (size_t at = 0; at < kReadBytes; at += 4096)
    bytes[at] = 1;
  for (int count = 1; count <= threads; ++count)
    limits.bytes.push_back(bytesPerSecond(bytes, count));
  return limits;
}

std::string cpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (llvm::StringRef(line).starts_with("model name"))
      return llvm::StringRef(line).split(':').second.trim().str();
  return "";
}

} // namespace gemmac
