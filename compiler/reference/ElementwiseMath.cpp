//===- ElementwiseMath.cpp - norms, activations and what acts on every number ---------------------------===//

#include "compiler/reference/Math.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gemmac::reference {

template <typename Function>
static Array each(const Array &x, Function function) {
  Array result = Array::zeros(x.shape());
  std::ranges::transform(x.floats(), result.floats().begin(), function);
  return result;
}

template <typename Function>
static Array eachPair(const Array &a, const Array &b, Function function) {
  assert(a.shape() == b.shape() && "both have the same shape");
  Array result = Array::zeros(a.shape());
  std::ranges::transform(a.floats(), b.floats(), result.floats().begin(), function);
  return result;
}

/// Calls `function(from, to)` for each run of numbers along the last axis.
template <typename Function>
static Array eachLine(const Array &x, Function function) {
  Array result = Array::zeros(x.shape());
  size_t length = x.shape().back();
  for (size_t first = 0; first < x.floats().size(); first += length)
    function(std::span(x.floats()).subspan(first, length), std::span(result.floats()).subspan(first, length));
  return result;
}

Array rmsNorm(const Array &x, const Array *weight, float eps) {
  assert((!weight || weight->floats().size() == size_t(x.shape().back())) &&
         "the weight is as long as the last axis");
  return eachLine(x, [&](std::span<const float> from, std::span<float> to) {
    double squares = 0;
    for (float number : from)
      squares += double(number) * double(number);
    double factor = 1.0 / std::sqrt(squares / double(from.size()) + double(eps));
    for (size_t k = 0; k < from.size(); ++k)
      to[k] = float(from[k] * factor * (weight ? weight->floats()[k] : 1.0f));
  });
}

Array addNorm(const Array &residual, const Array &x, const Array &weight, float eps,
              std::optional<float> scalar) {
  Array sum = add(residual, rmsNorm(x, &weight, eps));
  return scalar ? scale(sum, *scalar) : sum;
}

Array gelu(const Array &x) {
  return each(x, [](double number) {
    double inner = std::sqrt(2.0 / std::numbers::pi) * (number + 0.044715 * number * number * number);
    return float(0.5 * number * (1.0 + std::tanh(inner)));
  });
}

Array geluMul(const Array &gate, const Array &up) {
  return multiply(gelu(gate), up);
}

Array scale(const Array &x, float by) {
  return each(x, [=](float number) { return number * by; });
}

Array softcap(const Array &x, float cap) {
  return each(x, [=](double number) { return float(cap * std::tanh(number / cap)); });
}

Array softmax(const Array &x) {
  return eachLine(x, [](std::span<const float> from, std::span<float> to) {
    if (from.empty())
      return;
    double largest = *std::ranges::max_element(from);
    double sum = 0;
    for (float number : from)
      sum += std::exp(number - largest);
    for (size_t k = 0; k < from.size(); ++k)
      to[k] = float(std::exp(from[k] - largest) / sum);
  });
}

Array add(const Array &a, const Array &b) {
  return eachPair(a, b, [](float x, float y) { return x + y; });
}

Array multiply(const Array &a, const Array &b) {
  return eachPair(a, b, [](float x, float y) { return x * y; });
}

Array slice(const Array &x, int64_t axis, int64_t offset, int64_t count, bool drop) {
  assert(offset >= 0 && offset + count <= x.size(axis) && "the range lies inside");
  assert((!drop || count == 1) && "only a single index can be dropped");
  int64_t outer = numbersOf(std::span(x.shape()).first(axis));
  int64_t inner = numbersOf(std::span(x.shape()).subspan(axis + 1));
  Shape shape = x.shape();
  shape[axis] = count;
  if (drop)
    shape.erase(shape.begin() + axis);
  std::vector<float> numbers;
  numbers.reserve(numbersOf(shape));
  for (int64_t o = 0; o < outer; ++o) {
    auto from = x.floats().begin() + (o * x.size(axis) + offset) * inner;
    numbers.insert(numbers.end(), from, from + count * inner);
  }
  return {std::move(shape), std::move(numbers)};
}

} // namespace gemmac::reference
