//===- StreamSpeed.cpp - one token's linear kernels beside plain reads of the same memory ---------------===//
//
// stream-speed [threads [scheme [row_tiles]]] — for shapes of Gemma 4 E2B: gigabytes a second at which all
// threads together go through weights that are no more in any cache, and at which they read the same bytes
// and do nothing with them, in turns; the median of some rounds. Seconds are CPU time of the slowest thread,
// so that other programs count less.

#include "LoadKernel.h"
#include "contract/WeightLayout.h"
#include "targets/Devices.h"

#include <HalideRuntime.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>
#include <time.h>
#include <vector>

using namespace gemmac;

namespace {

using Shape = std::vector<int64_t>;

/// An array as a kernel sees it: rows `begin` … `end` - 1 of its last axis, or all.
class View {
public:
  View(void *host, const Shape &shape) {
    int64_t stride = 1;
    buffer.dimensions = int32_t(shape.size());
    buffer.dim = dimensions;
    buffer.host = static_cast<uint8_t *>(host);
    for (size_t axis = shape.size(); axis--; stride *= shape[axis])
      dimensions[shape.size() - 1 - axis] = {0, int32_t(shape[axis]), int32_t(stride)};
  }
  View(const View &) = delete;
  void narrow(int64_t begin, int64_t end) { dimensions[0] = {int32_t(begin), int32_t(end - begin), 1}; }
  uint64_t word() { return reinterpret_cast<uint64_t>(&buffer); }

private:
  halide_buffer_t buffer{};
  halide_dimension_t dimensions[6]{};
};

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// A vector's sum of what stands in memory: as fast as it can be read.
uint64_t readAll(const uint8_t *bytes, int64_t size) {
  using Vector = uint64_t __attribute__((vector_size(32), aligned(1), may_alias));
  Vector sums[4] = {};
  for (int64_t i = 0; i + 128 <= size; i += 128)
    for (int k = 0; k < 4; ++k)
      sums[k] += *reinterpret_cast<const Vector *>(bytes + i + 32 * k);
  Vector sum = sums[0] + sums[1] + sums[2] + sums[3];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

constexpr int kRounds = 7;
constexpr int64_t kBytes = 256 << 20; // far more than a cache holds

class Measurement {
public:
  Measurement(Scheme scheme, int64_t input, int64_t output, int threads, int64_t rowTiles)
      : input(input), output(output), threads(threads),
        planes(planesOf(Layout::tiles16, scheme, {0, output, input})),
        kernel(load(specOf(scheme, input, output, rowTiles))), x(size_t(input), 1),
        scales(size_t(input / kBlock * 2), 1), sums(size_t(input / kBlock * 2), kBlock), y(size_t(output)),
        kernelSeconds(size_t(kRounds * threads)), readSeconds(kernelSeconds) {
    for (const Plane &plane : planes)
      bytes += plane.bytes();
    copies = int(std::max<int64_t>(1, kBytes / bytes));
    weights.reset(new uint8_t[size_t(bytes * copies)]);
    std::memset(weights.get(), 17, size_t(bytes * copies));
  }

  void run() {
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread)
      others.emplace_back([this, thread] { work(thread); });
    work(0);
    for (std::thread &other : others)
      other.join();
    double byKernel = rate(kernelSeconds), byReads = rate(readSeconds);
    std::printf("%d threads  %5.1f GB/s  reads %5.1f GB/s  %.2f of them\n", threads, byKernel, byReads,
                byKernel / byReads);
  }

private:
  /// With the default schedule, or with another number of row tiles.
  static KernelSpec specOf(Scheme scheme, int64_t input, int64_t output, int64_t rowTiles) {
    KernelSpec spec{"linear",
                    {{"input", input},
                     {"output", output},
                     {"rows", output},
                     {"offset", int64_t(0)},
                     {"scheme", std::string(nameOf(scheme))},
                     {"tokens", int64_t(1)}}};
    if (rowTiles) {
      spec.schedule = defaultSchedule(spec, *findTarget("host"));
      spec.schedule.rowTiles = rowTiles;
    }
    return spec;
  }

  void work(int thread) {
    for (int round = 0; round < kRounds; ++round) {
      size_t at = size_t(round * threads + thread);
      meet();
      double begin = cpuSeconds();
      for (int copy = 0; copy < copies; ++copy)
        multiply(weights.get() + bytes * copy, thread);
      kernelSeconds[at] = cpuSeconds() - begin;
      meet();
      begin = cpuSeconds();
      for (int copy = 0; copy < copies; ++copy)
        sum += readAll(weights.get() + bytes * copy + bytes / threads * thread, bytes / threads);
      readSeconds[at] = cpuSeconds() - begin;
    }
  }

  /// A thread's part of the rows: whole tiles.
  void multiply(uint8_t *matrix, int thread) {
    int64_t tiles = (output + kTileRows - 1) / kTileRows;
    View vx(x.data(), {1, input}), vScales(scales.data(), {1, input / kBlock * 2});
    View vSums(sums.data(), {1, input / kBlock * 2});
    std::vector<uint64_t> words = {vx.word(), vScales.word(), vSums.word()};
    std::vector<std::unique_ptr<View>> views;
    for (const Plane &plane : planes) {
      views.push_back(std::make_unique<View>(matrix, plane.shape));
      words.push_back(views.back()->word());
      matrix += plane.bytes();
    }
    int64_t begin = tiles * thread / threads * kTileRows;
    View part(y.data() + begin, {1, output});
    part.narrow(begin, std::min(output, tiles * (thread + 1) / threads * kTileRows));
    words.push_back(part.word());
    kernel(words);
  }

  /// All threads begin together.
  void meet() {
    int all = (arrived.fetch_add(1) / threads + 1) * threads;
    while (arrived.load() < all)
      std::this_thread::yield();
  }

  double rate(const std::vector<double> &seconds) const {
    std::vector<double> slowest;
    for (int round = 0; round < kRounds; ++round)
      slowest.push_back(
          *std::max_element(seconds.begin() + round * threads, seconds.begin() + (round + 1) * threads));
    std::sort(slowest.begin(), slowest.end());
    return double(bytes) * copies / slowest[kRounds / 2] * 1e-9;
  }

  int64_t input, output, bytes = 0;
  int threads, copies = 1;
  std::vector<Plane> planes;
  Kernel kernel;
  std::unique_ptr<uint8_t[]> weights;
  std::vector<int8_t> x;
  std::vector<float> scales;
  std::vector<int32_t> sums;
  std::vector<float> y;
  std::vector<double> kernelSeconds, readSeconds; ///< of each round and thread
  std::atomic<int> arrived{0};
  std::atomic<uint64_t> sum{0};
};

} // namespace

int main(int count, char **arguments) {
  int threads = count > 1 ? std::atoi(arguments[1]) : int(std::thread::hardware_concurrency());
  std::string_view only = count > 2 ? arguments[2] : "";
  int64_t rowTiles = count > 3 ? std::atoi(arguments[3]) : 0;
  if (!findTarget("host") || threads < 1) {
    std::fprintf(stderr, "usage: stream-speed [threads [scheme [row_tiles]]], on a machine that has a row\n");
    return 1;
  }
  for (const SchemeRow &scheme : allSchemes())
    for (auto [input, output] :
         {std::pair<int64_t, int64_t>{1536, 24576}, {12288, 1536}, {1536, 2560}, {2048, 1536}})
      if (scheme.weights && scheme.quantized() && (only.empty() || only == scheme.name))
        Measurement(scheme.scheme, input, output, threads, rowTiles).run();
}
