//===- KernelSpeed.cpp - how fast kernels run on this machine -------------------------------------------===//
//
// kernel-speed [family [scheme]] — compiles kernels of Gemma 4 E2B's shapes for this machine and prints, for
// one thread and in its CPU time, the best of some runs: bytes of weights or cache per second (one token),
// multiply-adds per second (many tokens). Arrays of one token's kernels are rotated, so that weights come
// from memory.

#include "LoadKernel.h"
#include "contract/CacheLayout.h"
#include "contract/KernelFamily.h"
#include "contract/WeightLayout.h"
#include "targets/Devices.h"

#include <HalideRuntime.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <tuple>

using namespace gemmac;

namespace {

using Shape = std::vector<int64_t>;

/// A dense array of zeros and ones that no kernel minds.
class Array {
public:
  Array(int bytesOfNumber, Shape shape, int copies = 1) : bytesOfNumber(bytesOfNumber) {
    int64_t count = 1;
    for (size_t axis = shape.size(); axis--; count *= shape[axis])
      dimensions[shape.size() - 1 - axis] = {0, int32_t(shape[axis]), int32_t(count)};
    size = count * bytesOfNumber;
    bytes.assign(size_t(size * copies), bytesOfNumber == 1 ? 1 : 0);
    buffer.dimensions = int32_t(shape.size());
    buffer.dim = dimensions;
    buffer.host = bytes.data();
  }
  Array(const Array &) = delete;
  uint64_t word(int copy = 0) {
    buffer.host = bytes.data() + size * copy + first;
    return reinterpret_cast<uint64_t>(&buffer);
  }
  int64_t size = 0;

  template <typename Number>
  Number *numbers() {
    return reinterpret_cast<Number *>(bytes.data());
  }
  /// From here on rows begin … end - 1 of the slowest axis, which keep their numbers.
  void cut(int32_t begin, int32_t end) {
    halide_dimension_t &rows = dimensions[buffer.dimensions - 1];
    rows.min = begin, rows.extent = end - begin;
    first = int64_t(begin) * rows.stride * bytesOfNumber;
  }
  /// One index of the slowest axis, as an array without it.
  uint64_t slice(int64_t index) {
    part = buffer;
    part.host = bytes.data() + index * dimensions[buffer.dimensions - 1].stride * bytesOfNumber;
    --part.dimensions;
    return reinterpret_cast<uint64_t>(&part);
  }

private:
  int bytesOfNumber;
  int64_t first = 0; ///< in bytes
  halide_buffer_t part{};
  std::vector<uint8_t> bytes;
  halide_buffer_t buffer{};
  halide_dimension_t dimensions[6]{};
};

/// CPU time of this thread: what others do on the machine counts least in it.
double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

/// The best time of a call. `run` gets the number of the call.
double best(const std::function<void(int)> &run) {
  double least = 1e9;
  for (int round = 0; round < 20; ++round) {
    double begin = cpuSeconds();
    run(round);
    least = std::min(least, cpuSeconds() - begin);
  }
  return least;
}

int bytesOfNumber(Element element) {
  return int(bytesOf(element));
}

/// The planes of a weight.
class Weight {
public:
  Weight(const std::string &scheme, WeightShape shape, int copies = 1) {
    for (const Plane &plane : planesOf(Layout::tiles16, *findScheme(scheme), shape)) {
      planes.push_back(std::make_unique<Array>(bytesOfNumber(plane.element), plane.shape, copies));
      size += planes.back()->size;
    }
  }
  /// Adds the arguments to `words`.
  void append(std::vector<uint64_t> &words, int copy = 0) const {
    for (const std::unique_ptr<Array> &plane : planes)
      words.push_back(plane->word(copy));
  }
  void appendMatrix(std::vector<uint64_t> &words, int64_t expert) const {
    for (const std::unique_ptr<Array> &plane : planes)
      words.push_back(plane->slice(expert));
  }
  int64_t size = 0;

private:
  std::vector<std::unique_ptr<Array>> planes;
};

/// x as a linear kernel takes it, and what it leaves.
struct Tokens {
  bool quantized;
  Array x, scales, sums, y;
  // Matrix tiles read behind the last row.
  Tokens(Scheme scheme, int64_t tokens, int64_t input, int64_t output)
      : quantized(isQuantized(scheme)), x(quantized ? 1 : 4, {tokens + 16, input}),
        scales(4, {tokens + 16, input / 16}), sums(4, {tokens, input / 16}), y(4, {tokens, output}) {
    cut(0, int32_t(tokens));
  }
  void cut(int32_t begin, int32_t end) {
    for (Array *rows : {&x, &scales, &sums, &y})
      rows->cut(begin, end);
  }
  std::vector<uint64_t> inputs() {
    return quantized ? std::vector{x.word(), scales.word(), sums.word()} : std::vector{x.word()};
  }
};

void measureLinear(Scheme scheme, int64_t tokens, int64_t input, int64_t output) {
  bool one = tokens == 1;
  Kernel kernel = load({"linear",
                        {{"input", input},
                         {"output", output},
                         {"rows", output},
                         {"offset", int64_t(0)},
                         {"scheme", std::string(nameOf(scheme))},
                         {"tokens", int64_t(one)}}});
  const int copies = one ? 8 : 1;
  Weight w(std::string(nameOf(scheme)), {0, output, input}, copies);
  Tokens rows(scheme, tokens, input, output);
  double seconds = best([&](int round) {
    std::vector<uint64_t> words = rows.inputs();
    w.append(words, round % copies);
    words.push_back(rows.y.word());
    kernel(words);
  });
  double bytes = double(w.size), products = double(tokens * input * output);
  std::printf("%5lld tokens %8.1f us  %6.1f GB/s  %6.1f GMAC/s\n", static_cast<long long>(tokens),
              seconds * 1e6, bytes / seconds * 1e-9, products / seconds * 1e-9);
}

/// Rows of `tokens` tokens with 8 choices each, by chance among the experts: all of them in one call, and a
/// call of `linear` for each expert that has any.
void measureGrouped(const std::string &scheme, int64_t experts, int64_t tokens, int64_t input,
                    int64_t output) {
  const int64_t pairs = tokens * 8;
  std::mt19937 generator(1);
  std::vector<int32_t> counts(static_cast<size_t>(experts));
  for (int64_t pair = 0; pair < pairs; ++pair)
    ++counts[generator() % counts.size()];
  Array offsets(4, {experts + 1});
  for (int64_t e = 0; e < experts; ++e)
    offsets.numbers<int32_t>()[e + 1] = offsets.numbers<int32_t>()[e] + counts[size_t(e)];

  Tokens rows(*findScheme(scheme), pairs, input, output);
  Weight w(scheme, {experts, output, input});
  std::map<std::string, KernelConstant> constants = {
      {"input", input}, {"output", output}, {"scheme", scheme}};
  auto report = [&](double seconds) {
    std::printf("%5lld tokens %8.1f us  %6.1f GB/s  %6.1f GMAC/s\n", static_cast<long long>(tokens),
                seconds * 1e6, double(w.size) / seconds * 1e-9,
                double(pairs * input * output) / seconds * 1e-9);
  };
  constants["experts"] = experts;
  Kernel grouped = load({"grouped_linear", constants});
  report(best([&](int) {
    std::vector<uint64_t> words = rows.inputs();
    words.push_back(offsets.word());
    w.append(words);
    words.push_back(rows.y.word());
    grouped(words);
  }));
  constants.erase("experts");
  constants.insert({{"rows", output}, {"offset", int64_t(0)}, {"tokens", int64_t(0)}});
  Kernel linear = load({"linear", constants});
  report(best([&](int) {
    for (int64_t e = 0; e < experts; ++e) {
      int32_t begin = offsets.numbers<int32_t>()[e], end = offsets.numbers<int32_t>()[e + 1];
      rows.cut(begin, end);
      if (begin == end)
        continue;
      std::vector<uint64_t> words = rows.inputs();
      w.appendMatrix(words, e);
      words.push_back(rows.y.word());
      linear(words);
    }
  }));
}

/// Of tokens that stand one behind the other.
struct Positions : Array {
  Positions(int64_t first, int64_t tokens) : Array(4, {tokens}) {
    for (int64_t t = 0; t < tokens; ++t)
      numbers<int32_t>()[t] = int32_t(first + t);
  }
};

/// Many tokens in one call; one token span by span, as in decode, and their merge.
void measureAttention(int64_t tokens, int64_t position, int64_t dim, int64_t window, Scheme scheme) {
  int64_t heads = 8, slots = window ? window + 512 : 8192;
  std::map<std::string, KernelConstant> constants = {{"heads", heads},
                                                     {"kv_heads", int64_t(1)},
                                                     {"dim", dim},
                                                     {"slots", slots},
                                                     {"window", window},
                                                     {"scale", 1.0},
                                                     {"scheme", std::string(nameOf(scheme))}};
  Kernel kernel = load({tokens == 1 ? "attention_spans" : "cached_attention", constants});
  int64_t first = window ? std::max<int64_t>(position - window + 1, 0) : 0;
  int64_t spans = position / kSpan - first / kSpan + 1;
  std::vector<Plane> planes = cachePlanesOf(scheme, slots, 1, dim);
  Array q(4, {tokens, heads, dim}), y(4, {tokens, heads, dim}), parts(4, {spans, heads, dim + kGroup});
  // What one token reads is out of all caches when its turn comes again.
  const int copies = tokens == 1 ? 8 : 1;
  Array keys(bytesOfNumber(planes[0].element), planes[0].shape, copies);
  Array values(bytesOfNumber(planes[1].element), planes[1].shape, copies);
  Array scales(4, planes.back().shape);
  Positions at(position, tokens);
  uint64_t output = tokens == 1 ? parts.word() : y.word();
  double seconds = best([&](int round) {
    int copy = round % copies;
    if (isQuantized(scheme))
      kernel(q.word(), at.word(), at.word(), keys.word(copy), values.word(copy), scales.word(), scales.word(),
             output);
    else
      kernel(q.word(), at.word(), at.word(), keys.word(copy), values.word(copy), output);
  });
  double seen = 0;
  for (int64_t t = 0; t < tokens; ++t)
    seen += double(window ? std::min(window, position + t + 1) : position + t + 1);
  std::printf("%5lld tokens %8.1f us  %6.1f GB/s %6.1f GMAC/s\n", static_cast<long long>(tokens),
              seconds * 1e6, seen * double(2 * dim * bytesOfNumber(planes[0].element)) / seconds * 1e-9,
              seen * double(2 * heads * dim) / seconds * 1e-9);
  if (tokens > 1)
    return;
  Kernel merge = load({"merge_spans", {{"heads", heads}, {"kv_heads", int64_t(1)}, {"dim", dim}}});
  seconds = best([&](int) { merge(parts.word(), y.word()); });
  std::printf("%5lld spans  %8.1f us\n", static_cast<long long>(spans), seconds * 1e6);
}

/// A kernel whose arrays follow from the table of families.
void measureRows(const KernelSpec &spec) {
  const int64_t tokens = 64;
  Kernel kernel = load(spec);
  std::vector<std::unique_ptr<Array>> arrays;
  std::vector<uint64_t> words;
  for (const KernelArgument &argument : argumentsOf(spec)) {
    Shape shape;
    for (const AxisSize &axis : argument.axes)
      shape.push_back(axis.number.value_or(tokens));
    arrays.push_back(std::make_unique<Array>(bytesOfNumber(argument.element), shape));
    words.push_back(arrays.back()->word());
    if (argument.name == "positions")
      std::iota(arrays.back()->numbers<int32_t>(), arrays.back()->numbers<int32_t>() + tokens, 100);
  }
  double seconds = best([&](int) { kernel(words); });
  std::printf("%5lld tokens %8.1f us  %6.2f ns for a number\n", static_cast<long long>(tokens), seconds * 1e6,
              seconds * 1e9 / double(arrays.front()->size / 4));
}

} // namespace

int main(int count, char **arguments) {
  if (!findTarget("host")) {
    std::fprintf(stderr, "no row for this machine\n");
    return 1;
  }
  std::string only = count > 1 ? arguments[1] : "", ofScheme = count > 2 ? arguments[2] : "";
  std::printf("target %s\n", findTarget("host")->name.c_str());
  auto wanted = [&](const char *family) { return only.empty() || only == family; };
  if (wanted("linear"))
    for (const SchemeRow &scheme : allSchemes())
      for (int64_t tokens : {1, 4, 240})
        if (scheme.weights && (ofScheme.empty() || ofScheme == scheme.name))
          measureLinear(scheme.scheme, tokens, 1536, tokens == 240 ? 2048 : 12288);
  if (wanted("grouped_linear"))
    for (const char *scheme : {"q4_0", "q5_0", "q4_k", "q8_0"})
      for (auto [input, output] : {std::pair<int64_t, int64_t>{2816, 1408}, {704, 2816}})
        if (input % rowOf(*findScheme(scheme)).block == 0)
          measureGrouped(scheme, 128, 512, input, output);
  if (wanted("cached_attention"))
    for (Scheme scheme : {Scheme::f16, Scheme::q8_0, Scheme::f32}) {
      measureAttention(1, 4000, 512, 0, scheme);
      measureAttention(1, 4000, 256, 512, scheme);
      measureAttention(64, 1000, 256, 512, scheme);
      measureAttention(64, 448, 512, 0, scheme);
    }
  const int64_t one = 1, width = 1536, dim = 512, pairs = 64;
  const KernelSpec rows[] = {
      {"rms_norm", {{"heads", one}, {"size", width}, {"weighted", one}, {"eps", 1e-6}}},
      {"gelu_mul", {{"heads", one}, {"size", 4 * width}}},
      {"softcap", {{"heads", one}, {"size", 4 * width}, {"cap", 30.0}}},
      {"quantize", {{"heads", one}, {"size", width}}},
      {"rope", {{"heads", one}, {"dim", dim}, {"theta", 1e6}, {"pairs", pairs}, {"factor", 1.0}}}};
  for (const KernelSpec &spec : rows)
    if (wanted(spec.family.c_str()))
      measureRows(spec);
}
