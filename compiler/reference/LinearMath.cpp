//===- LinearMath.cpp - tables, matrices and what their inputs need -------------------------------------===//

#include "compiler/reference/Dot.h"
#include "compiler/reference/Math.h"

#include <algorithm>
#include <cmath>

namespace gemmac::reference {

/// (rows, inner...)
static Shape withInner(int64_t rows, Shape inner) {
  inner.insert(inner.begin(), rows);
  return inner;
}

Array embed(const Array &ids, const Array &table, float scale, int64_t offset, Shape inner) {
  Array result = Array::zeros(withInner(ids.rows(), std::move(inner)));
  assert(offset + result.width() <= table.width() && "the range fits the table's columns");
  for (int64_t t = 0; t < ids.rows(); ++t) {
    std::span<const float> from = table.row(ids.ids()[t]).subspan(offset, result.width());
    std::ranges::transform(from, result.row(t).begin(), [=](float number) { return scale * number; });
  }
  return result;
}

double dot(const float *a, const float *b, int64_t n) {
  constexpr int64_t kLanes = 8; // running sums that fit the vectors of any machine
  double sums[kLanes] = {};
  int64_t k = 0;
  for (; k + kLanes <= n; k += kLanes)
    for (int64_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += double(a[k + lane]) * double(b[k + lane]);
  for (; k < n; ++k)
    sums[k % kLanes] += double(a[k]) * double(b[k]);
  double total = 0;
  for (double sum : sums)
    total += sum;
  return total;
}

/// What the kernels do with int8 rows, step by step.
static float dotEqualBlocks(const Blocks &a, int64_t i, const Blocks &b, int64_t j, int64_t columns) {
  float total = 0;
  for (int64_t block = 0; block < columns / a.size; ++block) {
    const int8_t *x = a.bytes.data() + i * columns + block * a.size;
    const int8_t *w = b.bytes.data() + j * columns + block * a.size;
    int32_t sum = 0;
    for (int64_t k = 0; k < a.size; ++k)
      sum += int32_t(x[k]) * int32_t(w[k]);
    // Statements of their own: each step is rounded, none is contracted into a fused multiply-add.
    float scale = a.scales[i * (columns / a.size) + block] * b.scales[j * (columns / b.size) + block];
    float product = float(sum) * scale;
    total += product;
  }
  return total;
}

/// The same for weights in smaller blocks or with offsets, in double: all of x's block is summed before x's
/// scale.
static float dotBlocks(const Blocks &a, int64_t i, const Blocks &b, int64_t j, int64_t columns) {
  if (a.size == b.size && b.offsets.empty())
    return dotEqualBlocks(a, i, b, j, columns);
  assert(a.size % b.size == 0 && "blocks of x are whole blocks of the weight");
  double total = 0;
  for (int64_t block = 0; block < columns / b.size; ++block) {
    const int8_t *x = a.bytes.data() + i * columns + block * b.size;
    const int8_t *w = b.bytes.data() + j * columns + block * b.size;
    int32_t sum = 0, sumOfX = 0;
    for (int64_t k = 0; k < b.size; ++k) {
      sum += int32_t(x[k]) * int32_t(w[k]);
      sumOfX += x[k];
    }
    size_t ofX = size_t(i * (columns / a.size) + block * b.size / a.size),
           ofW = size_t(j * (columns / b.size) + block);
    double number = sum * double(b.scales[ofW]);
    if (!b.offsets.empty())
      number += sumOfX * double(b.offsets[ofW]);
    total += number * double(a.scales[ofX]);
  }
  return float(total);
}

Rows::Rows(const Array &array, int64_t columns) : columns(columns) {
  assert(columns > 0 && numbersOf(array.shape()) % columns == 0 && "whole rows");
  if (array.isBlocks())
    blocks = &array.blocks();
  else
    floats = array.floats().data();
}

float Rows::dot(int64_t i, const Rows &other, int64_t j) const {
  assert(bool(blocks) == bool(other.blocks) && "both sides are floats or both are blocks");
  if (blocks)
    return dotBlocks(*blocks, i, *other.blocks, j, columns);
  return float(reference::dot(floats + i * columns, other.floats + j * columns, columns));
}

Array linear(const Array &x, const Array &weight, int64_t offset, Shape inner) {
  assert(x.width() == weight.width() && "x is as wide as the weight");
  Array result = Array::zeros(withInner(x.rows(), std::move(inner)));
  assert(offset + result.width() <= weight.rows() && "the range fits the weight's rows");
  Rows inputs(x, x.width()), weights(weight, weight.width());
  for (int64_t r = 0; r < result.width(); ++r)
    for (int64_t t = 0; t < x.rows(); ++t)
      result.row(t)[r] = inputs.dot(t, weights, offset + r);
  return result;
}

Array quantize(const Array &x, int64_t block) {
  const std::vector<float> &numbers = x.floats();
  Blocks blocks{block, std::vector<int8_t>(numbers.size()), std::vector<float>(numbers.size() / block)};
  for (size_t b = 0; b < blocks.scales.size(); ++b) {
    std::span<const float> from = std::span(numbers).subspan(b * block, block);
    float largest = 0;
    for (float number : from)
      largest = std::max(largest, std::fabs(number));
    float scale = largest / 127.0f;
    blocks.scales[b] = scale;
    if (scale == 0)
      continue;
    for (int64_t k = 0; k < block; ++k)
      blocks.bytes[b * block + k] = int8_t(std::nearbyint(from[k] / scale));
  }
  return {x.shape(), std::move(blocks)};
}

Array dequantize(const Array &x) {
  const Blocks &blocks = x.blocks();
  Array result = Array::zeros(x.shape());
  for (size_t k = 0; k < blocks.bytes.size(); ++k)
    result.floats()[k] = float(blocks.bytes[k]) * blocks.scales[k / blocks.size];
  for (size_t k = 0; k < blocks.bytes.size() && !blocks.offsets.empty(); ++k)
    result.floats()[k] += blocks.offsets[k / blocks.size];
  return result;
}

} // namespace gemmac::reference
