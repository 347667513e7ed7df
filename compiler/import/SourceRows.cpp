//===- SourceRows.cpp - the rows that a tensor gives to a weight ----------------------------------------===//

#include "compiler/import/SourceRows.h"
#include "compiler/import/BlockFormats.h"
#include "contract/HoldingScheme.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <cassert>

namespace gemmac {

static std::string words(const IndexRange &range) {
  return (llvm::Twine(range.begin) + " to " + llvm::Twine(range.end)).str();
}

llvm::Expected<SourceRows> SourceRows::open(const TensorRange &source, const WeightSource &weights,
                                            int64_t experts, int64_t columns) {
  SourceRows rows;
  const SourceTensor *tensor = rows.tensor_ = weights.find(source.tensor);
  if (!tensor)
    return llvm::createStringError("the checkpoint has no tensor '" + source.tensor + "'");
  auto error = [&](const llvm::Twine &text) {
    return llvm::createStringError(weights.fileOf(source.tensor) + ": tensor '" + source.tensor + "' " +
                                   text);
  };

  rows.columns_ = columns;
  rows.tensorColumns_ = source.columns && !tensor->shape.empty() ? tensor->shape.back() : columns;
  int64_t numbers = tensor->numbers(), unit = experts * rows.tensorColumns_;
  if (unit < 1 || numbers % unit != 0)
    return error("has " + llvm::Twine(numbers) + " numbers, which are no whole rows of " +
                 llvm::Twine(rows.tensorColumns_) + (experts > 1 ? " of each expert" : ""));
  rows.tensorRows_ = rows.rows_ = numbers / unit;
  if (const auto &range = source.rows) {
    if (range->begin < 0 || range->begin >= range->end || range->end > rows.tensorRows_)
      return error("has rows 0 to " + llvm::Twine(rows.tensorRows_) + ", not " + words(*range));
    rows.firstRow_ = range->begin;
    rows.rows_ = range->size();
  }
  if (const auto &range = source.columns) {
    if (range->begin < 0 || range->begin >= range->end || range->end > rows.tensorColumns_)
      return error("has columns 0 to " + llvm::Twine(rows.tensorColumns_) + ", not " + words(*range));
    if (range->size() != columns)
      return error("gives columns " + words(*range) + " where rows have " + llvm::Twine(columns) +
                   " numbers");
    const BlockFormat *format = findBlockFormat(tensor->scheme);
    assert((format || tensor->computed) && "files have no tensors of other schemes");
    if (format && (range->begin % format->numbers != 0 || range->end % format->numbers != 0))
      return error("cannot give columns " + words(*range) + ": it stores blocks of " +
                   llvm::Twine(format->numbers) + ", of which ranges begin and end at multiples");
    rows.firstColumn_ = range->begin;
  }
  return rows;
}

void SourceRows::read(int64_t expert, int64_t row, std::span<float> out) const {
  assert(int64_t(out.size()) % columns_ == 0 && "whole rows are read");
  if (columns_ == tensorColumns_)
    return readNumbers(*tensor_, numberAt(expert, row), out);
  for (; !out.empty(); ++row, out = out.subspan(size_t(columns_)))
    readNumbers(*tensor_, numberAt(expert, row), out.first(size_t(columns_)));
}

std::span<const uint8_t> SourceRows::bytes(int64_t firstNumber, int64_t count) const {
  if (tensor_->computed)
    return {};
  const BlockFormat &format = *findBlockFormat(tensor_->scheme);
  return tensor_->bytes.subspan(size_t(firstNumber / format.numbers * format.bytes),
                                size_t(count / format.numbers * format.bytes));
}

SourceRows::Kept SourceRows::keep(int64_t expert, int64_t row, Scheme scheme,
                                  std::span<uint8_t> stored) const {
  int64_t first = numberAt(expert, row);
  if (tensor_->computed)
    return tensor_->computed->store(nameOf(scheme), first, columns_, stored) ? Kept::numbers : Kept::nothing;
  if (tensor_->scheme == nameOf(scheme)) {
    std::ranges::copy(bytes(first, columns_), stored.begin());
    return Kept::numbers;
  }
  auto convert = findBlockFormat(tensor_->scheme)->convert;
  if (!convert || scheme != schemeHolding(tensor_->scheme))
    return Kept::nothing;
  convert(bytes(first, columns_).data(), columns_, rowOf(scheme), stored.data());
  return Kept::integers;
}

std::string SourceRows::placeOf(int64_t expert, int64_t row, int64_t column) const {
  int64_t number = numberAt(expert, row) + column;
  std::string place;
  for (int64_t size : llvm::reverse(tensor_->shape)) {
    place = std::to_string(number % size) + (place.empty() ? "" : ", ") + place;
    number /= size;
  }
  return "[" + place + "]";
}

std::span<const uint8_t> SourceRows::around(int64_t expert, int64_t row, int64_t count) const {
  return bytes(numberAt(expert, row) - firstColumn_, count * tensorColumns_);
}

} // namespace gemmac
