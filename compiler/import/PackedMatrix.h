//===- PackedMatrix.h - a matrix as quantizers for safetensors pack it ----------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_PACKEDMATRIX_H
#define GEMMAC_COMPILER_IMPORT_PACKEDMATRIX_H

#include "compiler/import/ComputedRows.h"
#include "contract/Scheme.h"
#include "llvm/Support/Error.h"

#include <optional>

namespace gemmac {

/// Formats, by where codes stand. Words are 32 bits, with the first code in the lowest.
enum class Packing {
  words, ///< compressed-tensors: (rows, columns · bits / 32) words; zero points in words along the rows
  bytes, ///< compressed-tensors and others: (rows, columns) of int8, or of FP8 (e4m3)
  gptq,  ///< (columns · bits / 32, rows) words, scales (groups, rows), zero points in words along the rows
  awq,   ///< (columns, rows · bits / 32) words of codes in the order 0 2 4 6 1 3 5 7; scales as GPTQ's
  mlx    ///< (rows, columns · bits / 32) words, with a bias beside each scale
};

/// The tensors of a matrix; which of them there are depends on the format.
struct PackedTensors {
  const SourceTensor *codes = nullptr, *scales = nullptr;
  const SourceTensor *zeros = nullptr; ///< zero points; of MLX the biases
  const SourceTensor *order = nullptr; ///< of GPTQ: the group of each column, int32
};

/// What a configuration says that no shape does.
struct PackedForm {
  Packing packing = Packing::words;
  int64_t bits = 4;                        ///< of a code: 4 or 8
  int64_t blockRows = 0, blockColumns = 0; ///< that share a scale, in FP8 of blocks; 0: as the shapes say
  bool zerosAreLess = false;               ///< stored zero points are one less than they are (GPTQ)
};

/// number = (code - zero) · scale, of MLX code · scale + bias, in float32.
class PackedMatrix final : public ComputedRows {
public:
  /// Checks types and shapes against each other. The error says what is wrong, without the matrix's name.
  static llvm::Expected<std::unique_ptr<PackedMatrix>> open(const PackedForm &form,
                                                            const PackedTensors &tensors);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }

  /// The scheme for its numbers: q4_0, q4_1 or q8_0. If `exact`, it holds them all, as far as scales and
  /// biases are float16.
  std::string_view scheme() const;
  bool exact() const;

  bool store(std::string_view scheme, int64_t first, int64_t count, std::span<uint8_t> out) const override;

private:
  PackedMatrix(const PackedForm &form, const PackedTensors &tensors, int64_t rows, int64_t columns)
      : ComputedRows(columns), form_(form), tensors_(tensors), rows_(rows) {}
  bool hasBlocks() const { return !isFloat_ && order_.empty() && group_ % kBlock == 0; }
  bool hasNibbles() const { return form_.bits == 4 && form_.packing != Packing::bytes; }
  std::optional<std::vector<uint8_t>> storedBlock(int64_t row, int64_t column, const float *codes) const;
  llvm::Error checkScales();
  llvm::Error checkZeros();
  llvm::Error readOrder();

  uint32_t word(const SourceTensor &tensor, int64_t index) const;
  int64_t groupOf(int64_t column) const { return order_.empty() ? column / group_ : order_[size_t(column)]; }
  float scaleAt(int64_t row, int64_t group) const;
  float biasAt(int64_t row, int64_t group) const; ///< of MLX
  int zeroAt(int64_t row, int64_t group) const;
  /// (columns): as they are stored, without zero points.
  void readCodes(int64_t row, std::span<float> codes) const;
  void computeRow(int64_t row, std::span<float> out) const override;

  const PackedForm form_;
  const PackedTensors tensors_;
  const int64_t rows_;
  int64_t groups_ = 1, group_ = 0, rowsOfScale_ = 1; ///< scales of a row, columns and rows of a scale
  bool isFloat_ = false, symmetric_ = true;
  std::vector<int32_t> order_; ///< group of each column; empty: they stand one after the other
};

} // namespace gemmac

#endif
