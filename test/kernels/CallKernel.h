//===- CallKernel.h - kernels called from tests ---------------------------------------------------------===//

#ifndef GEMMAC_TEST_KERNELS_CALLKERNEL_H
#define GEMMAC_TEST_KERNELS_CALLKERNEL_H

#include "contract/KernelFamily.h"
#include "contract/WeightLayout.h"
#include "targets/kernels/Kernel.h"

#include <HalideRuntime.h>

#include <array>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

namespace gemmac::test {

/// Indices begin … end - 1 of an axis.
struct Range {
  int begin, end;
};

/// What a kernel takes as an array: all of it, or a part that keeps its indices.
class Buffer {
public:
  Buffer(void *data, halide_type_t type, const std::vector<int> &shape, const std::vector<int> &strides);
  Buffer(const Buffer &other) { *this = other; }
  Buffer &operator=(const Buffer &other);
  Buffer part(int axis, Range range) const; ///< axis as in C, slowest first
  halide_buffer_t raw{};

private:
  std::array<halide_dimension_t, 6> dimensions{};
};

/// A dense array, or one whose innermost rows have unused numbers between them. Those must stay as they are.
template <typename T>
struct Array {
  std::vector<int> shape, strides;
  std::vector<T> data;

  explicit Array(std::vector<int> shape, int gap = 0) : shape(shape), strides(shape.size()) {
    int stride = 1;
    for (size_t axis = shape.size(); axis--;) {
      strides[axis] = stride;
      stride = stride * shape[axis] + (axis + 1 == shape.size() ? gap : 0);
    }
    data.assign(size_t(std::max(stride, 1)), T(77));
  }

  static Array random(std::vector<int> shape, unsigned seed, int gap = 0) {
    Array array(shape, gap);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (T &x : array.data)
      x = T(normal(generator));
    return array;
  }

  T &at(const std::vector<int> &index) {
    size_t offset = 0;
    for (size_t axis = 0; axis < index.size(); ++axis)
      offset += size_t(index[axis]) * size_t(strides[axis]);
    return data.at(offset);
  }
  template <typename... I>
  T &operator()(I... index) {
    return at({int(index)...});
  }

  operator Buffer() { return Buffer(data.data(), halide_type_of<T>(), shape, strides); }
  Buffer part(int axis, Range range) { return Buffer(*this).part(axis, range); }
};

/// A float16 or bfloat16 as its bits; the kernels' buffers don't look at types.
using Bits16 = uint16_t;

/// A weight packed as a kernel wants it, and the numbers that its schemes left of the given ones.
struct Weight {
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<Buffer> planes;
  Array<float> numbers; ///< (experts, rows, columns), experts at least 1

  Weight(const std::string &layout, const std::string &scheme, WeightShape shape, unsigned seed);
};

/// The names of all schemes of weights.
std::vector<std::string> weightSchemes();

/// Rows of x as the quantized kernels take them: int8; the scale of each block and the scale times its sum;
/// -8 times its sum and -8 times that of its first half.
struct QuantizedRows {
  Array<int8_t> q;
  Array<float> scales;
  Array<int32_t> sums;
  explicit QuantizedRows(Array<float> &x); ///< the shape's last axis is a multiple of 32
};

/// Where a kernel leaves rows quantized: (tokens, blocks, 32) and twice (tokens, blocks, 2), with gaps.
struct QuantizedOutput {
  Array<int8_t> q;
  Array<float> scales;
  Array<int32_t> sums;
  QuantizedOutput(int tokens, int blocks)
      : q({tokens, blocks, 32}, 16), scales({tokens, blocks, 2}, 1), sums({tokens, blocks, 2}, 2) {}

  struct Part {
    Buffer q, scales, sums;
  };
  Part part(Range tokens, Range blocks) {
    auto cut = [&](const Buffer &whole) { return whole.part(0, tokens).part(1, blocks); };
    return {cut(q), cut(scales), cut(sums)};
  }
  /// The same numbers, block by block?
  void expectEqual(const QuantizedRows &wanted);
};

/// The schedules that kernels are tried with, the default first.
std::vector<Schedule> schedulesFor(const std::string &family,
                                   const std::map<std::string, KernelConstant> &constants);

/// Are kernels those of this machine, and are they called under an emulator? Neither, if they are those of
/// another machine as far as this one can run them.
bool kernelsAreOfThisMachine();
bool kernelsAreEmulated();

/// A kernel, compiled for the host, or for the target that the environment variable GEMMAC_TEST_TARGET names.
/// One for this machine runs in this process, one for another under an emulator.
class LoadedKernel {
public:
  /// With the default schedule where none is given.
  LoadedKernel(const std::string &family, std::map<std::string, KernelConstant> constants,
               const Schedule &schedule = {});

  /// Arguments are Array, Buffer, vectors of these, QuantizedRows, QuantizedOutput or a part of one, Weight
  /// and int.
  template <typename... Args>
  void operator()(Args &&...arguments) const {
    std::vector<Buffer> all;
    (add(arguments, all), ...);
    call(all);
  }

private:
  static void add(const Buffer &buffer, std::vector<Buffer> &all) { all.push_back(buffer); }
  template <typename T>
  static void add(Array<T> &array, std::vector<Buffer> &all) {
    add(Buffer(array), all);
  }
  static void add(const std::vector<Buffer> &buffers, std::vector<Buffer> &all) {
    for (const Buffer &buffer : buffers)
      add(buffer, all);
  }
  static void add(QuantizedRows &x, std::vector<Buffer> &all) {
    add(x.q, all), add(x.scales, all), add(x.sums, all);
  }
  static void add(QuantizedOutput &x, std::vector<Buffer> &all) {
    add(x.q, all), add(x.scales, all), add(x.sums, all);
  }
  static void add(const QuantizedOutput::Part &x, std::vector<Buffer> &all) {
    add(x.q, all), add(x.scales, all), add(x.sums, all);
  }
  static void add(const Weight &weight, std::vector<Buffer> &all) {
    for (const Buffer &plane : weight.planes)
      add(plane, all);
  }
  void call(std::vector<Buffer> &arguments) const;

  std::vector<KernelArgument> wanted; ///< by the table of families
  std::string symbol, library;        ///< empty after a failure
  void *function = nullptr;           ///< in this process; null of an emulated kernel
};

} // namespace gemmac::test

#endif
