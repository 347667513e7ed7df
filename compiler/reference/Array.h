//===- Array.h - a small owned tensor -------------------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_REFERENCE_ARRAY_H
#define GEMMAC_COMPILER_REFERENCE_ARRAY_H

#include <cassert>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>
#include <vector>

namespace gemmac::reference {

/// Slowest axis first.
using Shape = std::vector<int64_t>;

inline int64_t numbersOf(std::span<const int64_t> shape) {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

/// Signed bytes; every `size` of them along the last axis share a scale and, in some weights, an offset. The
/// number at k is bytes[k] * scales[k / size] + offsets[k / size].
struct Blocks {
  int64_t size = 32;
  std::vector<int8_t> bytes;
  std::vector<float> scales;
  std::vector<float> offsets = {}; ///< empty: all are 0
};

/// A dense tensor in C order that owns its numbers: floats, ids or blocks of int8.
class Array {
public:
  Array() = default;
  Array(Shape shape, std::vector<float> floats) : shape_(std::move(shape)), numbers_(std::move(floats)) {
    assert(int64_t(this->floats().size()) == numbersOf(shape_) && "as many numbers as the shape says");
  }
  Array(Shape shape, std::vector<int32_t> ids) : shape_(std::move(shape)), numbers_(std::move(ids)) {
    assert(int64_t(this->ids().size()) == numbersOf(shape_) && "as many numbers as the shape says");
  }
  Array(Shape shape, Blocks blocks) : shape_(std::move(shape)), numbers_(std::move(blocks)) {
    assert(int64_t(this->blocks().bytes.size()) == numbersOf(shape_) && "as many numbers as the shape says");
    assert(shape_.back() % this->blocks().size == 0 && "rows are whole blocks");
  }

  /// Zeros of that shape.
  static Array zeros(Shape shape) {
    std::vector<float> numbers(numbersOf(shape), 0.0f);
    return {std::move(shape), std::move(numbers)};
  }

  const Shape &shape() const { return shape_; }
  int64_t size(size_t axis) const { return shape_[axis]; }
  size_t rank() const { return shape_.size(); }
  /// Rows are along the first axis; a row has as many numbers as the other axes together.
  int64_t rows() const { return shape_.front(); }
  int64_t width() const { return numbersOf(std::span(shape_).subspan(1)); }

  bool isFloats() const { return std::holds_alternative<std::vector<float>>(numbers_); }
  bool isIds() const { return std::holds_alternative<std::vector<int32_t>>(numbers_); }
  bool isBlocks() const { return std::holds_alternative<Blocks>(numbers_); }

  std::vector<float> &floats() { return std::get<std::vector<float>>(numbers_); }
  const std::vector<float> &floats() const { return std::get<std::vector<float>>(numbers_); }
  std::vector<int32_t> &ids() { return std::get<std::vector<int32_t>>(numbers_); }
  const std::vector<int32_t> &ids() const { return std::get<std::vector<int32_t>>(numbers_); }
  Blocks &blocks() { return std::get<Blocks>(numbers_); }
  const Blocks &blocks() const { return std::get<Blocks>(numbers_); }

  /// Row i of floats.
  std::span<const float> row(int64_t i) const { return std::span(floats()).subspan(i * width(), width()); }
  std::span<float> row(int64_t i) { return std::span(floats()).subspan(i * width(), width()); }

private:
  Shape shape_;
  std::variant<std::vector<float>, std::vector<int32_t>, Blocks> numbers_;
};

} // namespace gemmac::reference

#endif
