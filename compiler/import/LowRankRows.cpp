//===- LowRankRows.cpp - rows of a matrix with adapters in them -----------------------------------------===//

#include "compiler/import/LowRankRows.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>

namespace gemmac {
namespace {

/// The factor that all rows share, as float32 (rank, columns): A, or of an embedding the transpose of B.
std::vector<float> sharedFactor(const AdapterModule &module) {
  int64_t rank = module.rank(), columns = module.columns();
  std::vector<float> factor(size_t(rank * columns));
  if (!module.embedding) {
    readNumbers(*module.a, 0, factor);
    return factor;
  }
  std::vector<float> channel(size_t(rank), 0.0f);
  for (int64_t column = 0; column < columns; ++column) {
    readNumbers(*module.b, column * rank, channel);
    for (int64_t k = 0; k < rank; ++k)
      factor[size_t(k * columns + column)] = channel[size_t(k)];
  }
  return factor;
}

/// The factors of the matrix that this thread reads rows of. Rows come one after the other: decoding A anew
/// for each would double the work.
const std::vector<float> &sharedFactorOf(uint64_t id, size_t part, const AdapterModule &module) {
  thread_local uint64_t of = 0;
  thread_local std::vector<std::vector<float>> factors;
  if (of != id) {
    factors.clear();
    of = id;
  }
  if (factors.size() <= part)
    factors.resize(part + 1);
  if (factors[part].empty())
    factors[part] = sharedFactor(module);
  return factors[part];
}

/// Of one row, (rank): of B, or of an embedding a column of A.
void readOwnFactor(const AdapterModule &module, int64_t row, std::span<float> out) {
  if (!module.embedding)
    return readNumbers(*module.b, row * module.rank(), out);
  for (int64_t k = 0; k < module.rank(); ++k)
    readNumbers(*module.a, k * module.rows() + row, out.subspan(size_t(k), 1));
}

/// out += scaling · own · shared
void addProduct(std::span<const float> own, std::span<const float> shared, float scaling,
                std::span<float> out) {
  thread_local std::vector<float> sum;
  sum.assign(out.size(), 0.0f);
  for (size_t k = 0; k < own.size(); ++k) {
    const float *factors = shared.data() + k * out.size();
    float factor = own[k];
    for (size_t i = 0; i < out.size(); ++i)
      sum[i] += factor * factors[i];
  }
  for (size_t i = 0; i < out.size(); ++i)
    out[i] += scaling * sum[i];
}

/// Gives a row the length that was trained (DoRA).
void setLength(std::span<float> row, float length) {
  double squares = 0;
  for (float number : row)
    squares += double(number) * number;
  if (squares == 0)
    return;
  float factor = length / float(std::sqrt(squares));
  for (float &number : row)
    number *= factor;
}

uint64_t freshId() {
  static std::atomic<uint64_t> last = 0;
  return ++last;
}

} // namespace

LowRankRows::LowRankRows(const SourceTensor &base)
    : ComputedRows(base.shape.back()), base_(base), id_(freshId()) {}

void LowRankRows::add(const AdapterModule &module, int64_t firstRow) {
  assert(module.columns() == columns_ && firstRow + module.rows() <= base_.numbers() / columns_ &&
         "the module fits the tensor");
  parts_.push_back({module, firstRow});
}

void LowRankRows::computeRow(int64_t row, std::span<float> out) const {
  thread_local std::vector<float> own;
  readNumbers(base_, row * columns_, out);
  for (size_t i = 0; i < parts_.size(); ++i) {
    const auto &[module, firstRow] = parts_[i];
    int64_t moduleRow = row - firstRow;
    if (moduleRow < 0 || moduleRow >= module.rows())
      continue;
    own.resize(size_t(module.rank()));
    readOwnFactor(module, moduleRow, own);
    addProduct(own, sharedFactorOf(id_, i, module), float(module.scaling), out);
    if (module.magnitude) {
      float length = 0;
      readNumbers(*module.magnitude, moduleRow, {&length, 1});
      setLength(out, length);
    }
  }
}

} // namespace gemmac
