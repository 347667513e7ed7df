//===- CallKernel.cpp - kernels called from tests -------------------------------------------------------===//

#include "CallKernel.h"
#include "Emulator.h"

#include "contract/KernelTraits.h"
#include "runtime/platform/Platform.h"
#include "targets/Devices.h"
#include "test/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

namespace gemmac::test {

namespace fs = std::filesystem;

Buffer::Buffer(void *data, halide_type_t type, const std::vector<int> &shape,
               const std::vector<int> &strides) {
  raw.host = static_cast<uint8_t *>(data);
  raw.type = type;
  raw.dimensions = int(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis)
    dimensions[shape.size() - 1 - axis] = {0, shape[axis], strides[axis]};
  raw.dim = dimensions.data();
}

Buffer &Buffer::operator=(const Buffer &other) {
  raw = other.raw;
  dimensions = other.dimensions;
  raw.dim = dimensions.data();
  return *this;
}

Buffer Buffer::part(int axis, Range range) const {
  Buffer result = *this;
  halide_dimension_t &dimension = result.dimensions[size_t(raw.dimensions - 1 - axis)];
  result.raw.host += int64_t(range.begin - dimension.min) * dimension.stride * raw.type.bytes();
  dimension.min = range.begin;
  dimension.extent = range.end - range.begin;
  return result;
}

static halide_type_t typeOf(Element element) {
  switch (element) {
  case Element::f32:
    return halide_type_of<float>();
  case Element::bf16:
    return halide_type_of<uint16_t>();
  case Element::f16:
    return halide_type_t(halide_type_float, 16);
  case Element::i8:
    return halide_type_of<int8_t>();
  case Element::u8:
    return halide_type_of<uint8_t>();
  case Element::i32:
    return halide_type_of<int32_t>();
  }
  return {};
}

Weight::Weight(const std::string &layout, const std::string &scheme, WeightShape shape, unsigned seed)
    : numbers(Array<float>::random(
          {int(std::max<int64_t>(shape.experts, 1)), int(shape.rows), int(shape.columns)}, seed)) {
  std::vector<uint8_t *> starts;
  std::vector<Plane> all = planesOf(*findLayout(layout), *findScheme(scheme), shape);
  for (const Plane &plane : all)
    bytes.emplace_back(size_t(plane.bytes()));
  for (auto &plane : bytes)
    starts.push_back(plane.data());
  std::vector<uint8_t> stored(size_t(storedRowBytes(*findScheme(scheme), shape.columns)));
  for (int expert = 0; expert < numbers.shape[0]; ++expert)
    for (int row = 0; row < shape.rows; ++row) {
      std::span<float> values(&numbers(expert, row, 0), size_t(shape.columns));
      storeRow(*findScheme(scheme), values, stored.data());
      loadRow(*findScheme(scheme), stored.data(), values);
      packRows(*findLayout(layout), *findScheme(scheme), shape, expert, row, 1, stored.data(), starts);
    }
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<int> sizes(all[i].shape.begin(), all[i].shape.end()), strides(sizes.size());
    int stride = 1;
    for (size_t axis = sizes.size(); axis--; stride *= sizes[axis])
      strides[axis] = stride;
    planes.emplace_back(bytes[i].data(), typeOf(all[i].element), sizes, strides);
  }
}

std::vector<std::string> weightSchemes() {
  std::vector<std::string> names;
  for (const SchemeRow &row : allSchemes())
    if (row.weights)
      names.emplace_back(row.name);
  return names;
}

static std::vector<int> twoForEachBlock(std::vector<int> shape) {
  shape.back() = shape.back() / int(kBlock) * 2;
  return shape;
}

QuantizedRows::QuantizedRows(Array<float> &x)
    : q(x.shape, 32), scales(twoForEachBlock(x.shape), 3), sums(scales.shape, 1) {
  std::vector<int> index(x.shape.size());
  int64_t count = 1;
  for (int size : scales.shape)
    count *= size;
  for (int64_t i = 0; i < count; i += 2) {
    int64_t rest = i;
    std::vector<int> first(index.size());
    for (size_t axis = index.size(); axis--; rest /= scales.shape[axis])
      first[axis] = int(rest % scales.shape[axis]);
    std::vector<int> second = first;
    ++second.back();
    int column = first.back() / 2 * int(kBlock);
    index = first;
    float most = 0;
    for (int k = 0; k < kBlock; ++k) {
      index.back() = column + k;
      most = std::max(most, std::fabs(x.at(index)));
    }
    float scale = most / 127;
    int sum = 0, ofHalf = 0;
    for (int k = 0; k < kBlock; ++k) {
      index.back() = column + k;
      q.at(index) = int8_t(most == 0 ? 0 : std::nearbyint(x.at(index) / scale));
      sum += q.at(index);
      ofHalf += k < kBlock / 2 ? q.at(index) : 0;
    }
    scales.at(first) = scale;
    scales.at(second) = scale * float(sum);
    sums.at(first) = -8 * sum;
    sums.at(second) = -8 * ofHalf;
  }
  // Kernels may read behind the last row: anything.
  q.data.resize(q.data.size() + size_t((kTileTokens - 1) * q.strides[0]), 99);
  scales.data.resize(scales.data.size() + size_t((kTileTokens - 1) * scales.strides[0]), NAN);
}

void QuantizedOutput::expectEqual(const QuantizedRows &wanted) {
  int blocks = scales.shape[1];
  // The numbers of `wanted`, which may have heads, by token and block; its gaps are between heads.
  auto row = [&](const auto &array, int t, int b) {
    int heads = array.shape.size() == 3 ? array.shape[1] : 1, ofHead = blocks / heads;
    int perBlock = array.shape.back() / ofHead;
    size_t at = size_t(t) * size_t(array.strides[0]) + size_t(b % ofHead * perBlock);
    return array.data.data() + at + (heads > 1 ? size_t(b / ofHead) * size_t(array.strides[1]) : 0);
  };
  for (int t = 0; t < scales.shape[0]; ++t)
    for (int b = 0; b < blocks; ++b) {
      for (int which : {0, 1}) {
        ASSERT_EQ(scales(t, b, which), row(wanted.scales, t, b)[which]) << t << " " << b;
        ASSERT_EQ(sums(t, b, which), row(wanted.sums, t, b)[which]) << t << " " << b;
      }
      for (int i = 0; i < 32; ++i)
        ASSERT_EQ(q(t, b, i), row(wanted.q, t, b)[i]) << t << " " << b << " " << i;
    }
  for (int gap = 32; gap < (scales.shape[0] && blocks > 1 ? 48 : 0); ++gap)
    ASSERT_EQ(q(0, 0, gap), 77);
}

static const Target *testTarget() {
  // Kernels of tiles run in this process, which must have asked for them.
  static const auto tiles = platform::cpuFeature("amx-tile", 8);
  (void)tiles;
  const char *name = std::getenv("GEMMAC_TEST_TARGET");
  if (!name || std::string_view(name) != "wide-host")
    return findTarget(name ? name : "host");
  // This machine as if it had longer vectors and dot products: other groups and other sums, in instructions
  // that it has.
  static const std::optional<Target> wide = [] {
    const Target *host = findTarget("host");
    std::optional<Target> target;
    if (host) {
      target = *host;
      target->vectorBytes = 64;
      target->vectorRegisters = 32;
      target->dotProduct8 = true;
    }
    return target;
  }();
  return wide ? &*wide : nullptr;
}

/// "x86_64" of "x86_64-unknown-linux-gnu".
static std::string_view architectureOf(const Target &target) {
  return std::string_view(target.triple).substr(0, target.triple.find('-'));
}

static bool runsHere(const Target &target) {
  const Target *host = findTarget("host");
  return host && architectureOf(*host) == architectureOf(target);
}

bool kernelsAreOfThisMachine() {
  return testTarget() == findTarget("host");
}

bool kernelsAreEmulated() {
  const Target *target = testTarget();
  return target && !runsHere(*target);
}

/// A folder of this process that is removed with it.
static const fs::path &folder() {
  static test::TemporaryFolder folder;
  return folder.path;
}

/// This machine has no tiles that the target has.
static bool simulatesTiles(const Target &target) {
  const Target *host = findTarget("host");
  return runsHere(target) && target.matrixTiles8 && !host->matrixTiles8;
}

/// A kernel of tiles for this machine: the same LLVM, but for tiles, which are numbers, and their intrinsics,
/// which are SimulatedTiles.c's functions.
static MadeKernel compileWithoutTiles(const KernelSpec &spec, const Target &target) {
  MadeKernel kernel = kernelLLVM(spec, target);
  if (!kernel.error.empty())
    return kernel;
  std::string text = std::regex_replace(kernel.artifact.bytes, std::regex("x86_amx"), "i64");
  text = std::regex_replace(text, std::regex("@llvm\\.x86\\.(t\\w+)\\.internal"), "@simulated_$1");
  text = std::regex_replace(text, std::regex("\"(target-cpu|tune-cpu|target-features)\"=\"[^\"]*\""), "");
  fs::path file = folder() / (spec.symbol() + ".ll");
  std::ofstream(file) << text;
  std::string object = file.string() + ".o";
  std::string command =
      GEMMAC_LLC " -O2 -mcpu=native -filetype=obj -relocation-model=pic -o " + object + " " + file.string();
  if (std::system(command.c_str()) != 0)
    return {{}, command};
  std::ifstream bytes(object, std::ios::binary);
  return {{ArtifactKind::object, spec.symbol(), std::string(std::istreambuf_iterator<char>(bytes), {})}};
}

/// Where a kernel is compiled for; null, with a failure, if there is no row for this machine. Beside kernels
/// of tiles, which are simulated, this machine's own.
static const Target *targetFor(const KernelSpec &spec) {
  const Target *target = testTarget();
  if (!target)
    ADD_FAILURE() << "no row for this machine";
  bool own = target && simulatesTiles(*target) && !hasMatrixTiles(spec, *target);
  return own ? findTarget("host") : target;
}

/// The library that a kernel's object was linked to. Empty after a failure.
static fs::path build(const KernelSpec &spec, const Target &target) {
  bool simulated = simulatesTiles(target) && spec.schedule.matrixTiles;
  MadeKernel kernel = simulated ? compileWithoutTiles(spec, target) : halideMaker().make(spec, target);
  if (!kernel.error.empty()) {
    ADD_FAILURE() << kernel.error;
    return {};
  }
  fs::path linked = folder() / spec.symbol(), object = linked.string() + ".o";
  std::ofstream(object, std::ios::binary) << kernel.artifact.bytes;
  std::string command = GEMMAC_LLD " -shared -o " + linked.string() + " " + object.string();
  if (simulated)
    command += " " GEMMAC_SIMULATED_TILES;
  int result = std::system(command.c_str());
  EXPECT_EQ(result, 0) << command;
  return result ? fs::path() : linked;
}

std::vector<Schedule> schedulesFor(const std::string &family,
                                   const std::map<std::string, KernelConstant> &constants) {
  KernelSpec spec{family, constants};
  const Target *target = targetFor(spec);
  if (!target)
    return {};
  std::vector<Schedule> schedules = candidateSchedules(spec, *target);
  // Without tiles a kernel has instructions that this machine may lack.
  if (simulatesTiles(*target))
    std::erase_if(schedules, [](const Schedule &schedule) { return !schedule.matrixTiles; });
  return schedules;
}

LoadedKernel::LoadedKernel(const std::string &family, std::map<std::string, KernelConstant> constants,
                           const Schedule &schedule) {
  KernelSpec spec{family, std::move(constants), schedule};
  const Target *target = targetFor(spec);
  if (!target)
    return;
  if (schedule == Schedule())
    spec.schedule = defaultSchedule(spec, *target);
  static std::map<std::string, std::pair<std::string, void *>> built;
  auto [entry, fresh] = built.try_emplace(spec.text());
  if (fresh) {
    fs::path file = build(spec, *target);
    entry->second.first = file;
    if (!file.empty() && !kernelsAreEmulated()) {
      void *opened = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
      EXPECT_NE(opened, nullptr) << dlerror();
      entry->second.second = opened ? dlsym(opened, spec.symbol().c_str()) : nullptr;
    }
  }
  wanted = argumentsOf(spec);
  symbol = spec.symbol();
  library = entry->second.first;
  function = entry->second.second;
}

/// Is a call what the table of families says? Of an output it may have a part.
static void expectArguments(const std::vector<Buffer> &arguments, const std::vector<KernelArgument> &wanted) {
  ASSERT_EQ(arguments.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const halide_buffer_t &buffer = arguments[i].raw;
    SCOPED_TRACE(wanted[i].name);
    EXPECT_EQ(buffer.type.bytes(), bytesOf(wanted[i].element));
    ASSERT_EQ(size_t(buffer.dimensions), wanted[i].axes.size());
    for (size_t axis = 0; axis < wanted[i].axes.size() && !isOutput(wanted[i].port->role); ++axis)
      if (std::optional<int64_t> size = wanted[i].axes[axis].number)
        EXPECT_EQ(buffer.dim[wanted[i].axes.size() - 1 - axis].extent, *size) << axis;
  }
}

void LoadedKernel::call(std::vector<Buffer> &arguments) const {
  expectArguments(arguments, wanted);
  ASSERT_LE(arguments.size(), 12u);
  if (!function) {
    ASSERT_FALSE(library.empty());
    return emulate(library, symbol, arguments, folder());
  }
  // Words that a kernel does not have are not looked at.
  std::array<uint64_t, 12> w{};
  for (size_t i = 0; i < arguments.size(); ++i)
    w[i] = reinterpret_cast<uint64_t>(&arguments[i].raw);
  using Function = int (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t);
  auto kernel = reinterpret_cast<Function>(function);
  EXPECT_EQ(kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11]), 0);
}

} // namespace gemmac::test
