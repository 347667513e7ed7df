//===- CallKernel.cpp - kernels called from tests
//-----------------------------------------------------------===//

#include "CallKernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

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
  }
  return {};
}

Weight::Weight(const std::string &layout, const std::string &scheme, WeightShape shape, unsigned seed)
    : numbers(Array<float>::random(
          {int(std::max<int64_t>(shape.experts, 1)), int(shape.rows), int(shape.columns)}, seed)) {
  std::vector<uint8_t *> starts;
  std::vector<Plane> all = planesOf(layout, scheme, shape);
  for (const Plane &plane : all)
    bytes.emplace_back(size_t(plane.bytes()));
  for (auto &plane : bytes)
    starts.push_back(plane.data());
  std::vector<uint8_t> stored(size_t(storedRowBytes(scheme, shape.columns)));
  for (int expert = 0; expert < numbers.shape[0]; ++expert)
    for (int row = 0; row < shape.rows; ++row) {
      std::span<float> values(&numbers(expert, row, 0), size_t(shape.columns));
      storeRow(scheme, values, stored.data());
      loadRow(scheme, stored.data(), values);
      packRows(layout, scheme, shape, expert, row, 1, stored.data(), starts);
    }
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<int> sizes(all[i].shape.begin(), all[i].shape.end()), strides(sizes.size());
    int stride = 1;
    for (size_t axis = sizes.size(); axis--; stride *= sizes[axis])
      strides[axis] = stride;
    planes.emplace_back(bytes[i].data(), typeOf(all[i].element), sizes, strides);
  }
}

static std::vector<int> inBlocks(std::vector<int> shape) {
  shape.back() /= int(kBlock);
  return shape;
}

QuantizedRows::QuantizedRows(Array<float> &x)
    : q(x.shape, 32), scales(inBlocks(x.shape), 3), sums(scales.shape, 1) {
  std::vector<int> index(x.shape.size()), block = index;
  int64_t count = 1;
  for (int size : scales.shape)
    count *= size;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i;
    for (size_t axis = index.size(); axis--; rest /= scales.shape[axis])
      block[axis] = int(rest % scales.shape[axis]);
    index = block;
    float most = 0;
    for (int k = 0; k < kBlock; ++k) {
      index.back() = block.back() * int(kBlock) + k;
      most = std::max(most, std::fabs(x.at(index)));
    }
    scales.at(block) = most / 127;
    sums.at(block) = 0;
    for (int k = 0; k < kBlock; ++k) {
      index.back() = block.back() * int(kBlock) + k;
      q.at(index) = int8_t(most == 0 ? 0 : std::nearbyint(x.at(index) / scales.at(block)));
      sums.at(block) += q.at(index);
    }
  }
}

/// The function of a specification, or null after a failure.
static void *load(const KernelSpec &spec) {
  const Target *host = findTarget("host");
  if (!host) {
    ADD_FAILURE() << "no row for this machine";
    return nullptr;
  }
  CompiledKernel kernel = compileKernel(spec, *host);
  if (!kernel.error.empty()) {
    ADD_FAILURE() << kernel.error;
    return nullptr;
  }
  static int count = 0;
  fs::path base =
      fs::temp_directory_path() / ("gemmac-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
  fs::path object = base.string() + ".o", library = base.string() + ".so";
  std::ofstream(object, std::ios::binary) << kernel.object;
  std::string link = GEMMAC_LLD " -shared -o " + library.string() + " " + object.string();
  EXPECT_EQ(std::system(link.c_str()), 0) << link;
  void *opened = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  fs::remove(object);
  fs::remove(library);
  if (!opened) {
    ADD_FAILURE() << dlerror();
    return nullptr;
  }
  return dlsym(opened, spec.symbol().c_str());
}

LoadedKernel::LoadedKernel(const std::string &family, std::map<std::string, KernelConstant> constants) {
  KernelSpec spec{family, std::move(constants)};
  static std::map<std::string, void *> loaded;
  auto [entry, fresh] = loaded.try_emplace(spec.text());
  if (fresh)
    entry->second = load(spec);
  function = entry->second;
}

void LoadedKernel::call(const std::vector<uint64_t> &given) const {
  ASSERT_NE(function, nullptr);
  ASSERT_LE(given.size(), 12u);
  // A pointer and an int32 both take one word of the calling convention; words that a kernel does not have
  // are not looked at.
  std::array<uint64_t, 12> w{};
  std::copy(given.begin(), given.end(), w.begin());
  using Function = int (*)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                           uint64_t, uint64_t, uint64_t, uint64_t);
  auto kernel = reinterpret_cast<Function>(function);
  EXPECT_EQ(kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11]), 0);
}

} // namespace gemmac::test
