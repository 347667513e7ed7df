//===- SourceRows.h - the rows that a tensor gives to a weight ------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_SOURCEROWS_H
#define GEMMAC_COMPILER_IMPORT_SOURCEROWS_H

#include "compiler/import/WeightSource.h"
#include "contract/Scheme.h"
#include "contract/TensorRange.h"
#include "llvm/Support/Error.h"

namespace gemmac {

/// Rows of one length, of each expert: a whole tensor, or a range of it. A view into the mapped file.
class SourceRows {
public:
  /// `experts` is 1 where there are none, `columns` the numbers of a row of the weight: 1 of a vector, whose
  /// numbers are its rows. The error says that there is no such tensor, that a range reaches beyond it, that
  /// its numbers are no whole rows, or that columns begin or end inside a block, and what would fit.
  static llvm::Expected<SourceRows> open(const TensorRange &source, const WeightSource &weights,
                                         int64_t experts, int64_t columns);

  const SourceTensor &tensor() const { return *tensor_; }
  int64_t rows() const { return rows_; } ///< of an expert

  /// `out` has the numbers of rows from `row` on, as many as fit.
  void read(int64_t expert, int64_t row, std::span<float> out) const;

  enum class Kept : uint8_t {
    nothing,  ///< nothing was written
    integers, ///< those of the file and its factors; steps are rounded where float16 does not have them
    numbers   ///< every number is the same
  };
  /// Writes the row as `scheme` stores it, if none of its numbers must be rounded to integers for that.
  Kept keep(int64_t expert, int64_t row, Scheme scheme, std::span<uint8_t> stored) const;

  /// The index of a number in the tensor, "[3, 17]", for messages.
  std::string placeOf(int64_t expert, int64_t row, int64_t column) const;

  /// Whole rows of the tensor, with the columns that were left out. Empty where the numbers are computed.
  std::span<const uint8_t> around(int64_t expert, int64_t row, int64_t count) const;

private:
  int64_t numberAt(int64_t expert, int64_t row) const {
    return (expert * tensorRows_ + firstRow_ + row) * tensorColumns_ + firstColumn_;
  }
  std::span<const uint8_t> bytes(int64_t firstNumber, int64_t count) const;

  const SourceTensor *tensor_ = nullptr;
  int64_t tensorRows_ = 0, tensorColumns_ = 0;
  int64_t firstRow_ = 0, rows_ = 0, firstColumn_ = 0, columns_ = 0;
};

} // namespace gemmac

#endif
