//===- PackedMatrix.cpp - a matrix as quantizers for safetensors pack it --------------------------------===//

#include "compiler/import/PackedMatrix.h"
#include "contract/SmallFloats.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"

#include <array>
#include <cmath>
#include <cstring>

using llvm::Error;
using llvm::Expected;
using llvm::Twine;

namespace gemmac {
namespace {

std::string printed(const SourceTensor &tensor) {
  std::string text;
  for (int64_t size : tensor.shape)
    text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

Error wrong(const SourceTensor &tensor, const Twine &what) {
  return llvm::createStringError("'" + tensor.name + "' " + what);
}

Error wrongShape(const SourceTensor &tensor, const Twine &wanted) {
  return wrong(tensor, "has shape " + printed(tensor) + ", which " + wanted);
}

bool isWords(const SourceTensor &tensor) {
  return tensor.scheme == "i32" || tensor.scheme == "u32";
}

/// FP8 with 4 bits of exponent and no infinities.
float fromE4m3(uint8_t bits) {
  int exponent = bits >> 3 & 15, mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7)
    return NAN;
  float magnitude =
      exponent ? std::ldexp(float(8 + mantissa), exponent - 10) : std::ldexp(float(mantissa), -9);
  return bits & 0x80 ? -magnitude : magnitude;
}

const std::array<float, 256> &e4m3() {
  static const std::array<float, 256> numbers = [] {
    std::array<float, 256> all;
    for (int bits = 0; bits < 256; ++bits)
      all[size_t(bits)] = fromE4m3(uint8_t(bits));
    return all;
  }();
  return numbers;
}

/// Where AWQ puts the codes of 8 neighbours in a word.
constexpr int kAwqPlaces[8] = {0, 4, 1, 5, 2, 6, 3, 7};

} // namespace

Expected<std::unique_ptr<PackedMatrix>> PackedMatrix::open(const PackedForm &form,
                                                           const PackedTensors &tensors) {
  const SourceTensor &codes = *tensors.codes;
  if (codes.shape.size() != 2 || codes.numbers() == 0)
    return wrongShape(codes, "is no matrix");
  bool bytes = form.packing == Packing::bytes, fp8 = codes.scheme == "f8_e4m3";
  if (bytes ? !fp8 && codes.scheme != "i8" : !isWords(codes))
    return wrong(codes, "stores numbers as '" + codes.scheme + "', where " +
                            (bytes ? "int8 or FP8 (e4m3)" : "int32") + " is needed");
  int64_t perWord = bytes ? 1 : 32 / form.bits, outer = codes.shape[0], inner = codes.shape[1];
  int64_t rows = outer, columns = inner * perWord;
  if (form.packing == Packing::gptq)
    rows = inner, columns = outer * perWord;
  else if (form.packing == Packing::awq)
    rows = inner * perWord, columns = outer;
  std::unique_ptr<PackedMatrix> matrix(new PackedMatrix(form, tensors, rows, columns));
  matrix->isFloat_ = fp8;
  if (Error error = matrix->checkScales())
    return error;
  if (Error error = matrix->readOrder())
    return error;
  if (Error error = matrix->checkZeros())
    return error;
  return matrix;
}

Error PackedMatrix::checkScales() {
  const SourceTensor &scales = *tensors_.scales;
  if (!canReadNumbers(scales))
    return wrong(scales, "stores numbers as '" + scales.scheme + "', where floats are needed");
  bool across = form_.packing == Packing::gptq || form_.packing == Packing::awq;
  auto size = [&](size_t axis) { return axis < scales.shape.size() ? scales.shape[axis] : 1; };
  int64_t scaleRows = size(across ? 1 : 0);
  groups_ = size(across ? 0 : 1);
  if (scales.shape.size() > 2 || groups_ < 1 || scaleRows < 1)
    return wrongShape(scales, "fits no matrix");
  if (form_.blockRows > 0) {
    rowsOfScale_ = form_.blockRows;
    group_ = form_.blockColumns;
    if (scaleRows != (rows_ - 1) / rowsOfScale_ + 1 || groups_ != (columns_ - 1) / group_ + 1)
      return wrongShape(scales, "does not fit blocks of " + Twine(form_.blockRows) + " by " +
                                    Twine(form_.blockColumns) + " in " + Twine(rows_) + " by " +
                                    Twine(columns_) + " numbers");
    return Error::success();
  }
  if (columns_ % groups_ != 0 || (scaleRows != rows_ && (scaleRows != 1 || across || groups_ != 1)))
    return wrongShape(scales, "does not fit " + Twine(rows_) + " by " + Twine(columns_) + " numbers");
  group_ = columns_ / groups_;
  rowsOfScale_ = scaleRows == rows_ ? 1 : rows_;
  return Error::success();
}

Error PackedMatrix::readOrder() {
  const SourceTensor *order = tensors_.order;
  if (!order)
    return Error::success();
  if (!isWords(*order) || order->shape != std::vector{columns_})
    return wrongShape(*order, "does not name the group of each of " + Twine(columns_) + " columns");
  bool inOrder = true;
  for (int64_t column = 0; column < columns_; ++column) {
    auto group = int32_t(word(*order, column));
    if (group < 0 || group >= groups_)
      return wrong(*order, "names group " + Twine(group) + " of " + Twine(groups_));
    inOrder &= group == column / group_;
    order_.push_back(group);
  }
  if (inOrder)
    order_.clear();
  return Error::success();
}

Error PackedMatrix::checkZeros() {
  const SourceTensor *zeros = tensors_.zeros;
  if (form_.packing == Packing::mlx) {
    symmetric_ = false;
    if (!zeros || !canReadNumbers(*zeros) || zeros->shape != tensors_.scales->shape)
      return wrong(*tensors_.scales, "has no biases of its shape beside it");
    return Error::success();
  }
  if (!zeros)
    return form_.packing == Packing::gptq || form_.packing == Packing::awq
               ? wrong(*tensors_.codes, "has no zero points beside it")
               : Error::success();
  if (form_.packing == Packing::bytes) {
    if (isFloat_ || zeros->scheme != "i8" || zeros->shape != tensors_.scales->shape)
      return wrongShape(*zeros, "holds no int8 beside each scale");
  } else {
    int64_t perWord = 32 / form_.bits, packed = (rows_ - 1) / perWord + 1;
    std::vector<int64_t> wanted = {groups_, packed};
    if (form_.packing == Packing::words)
      std::swap(wanted[0], wanted[1]);
    if (!isWords(*zeros) || zeros->shape != wanted)
      return wrongShape(*zeros, "does not hold a zero point beside each scale");
  }
  int middle = form_.packing == Packing::bytes ? 0 : 1 << (form_.bits - 1);
  for (int64_t row = 0; row < rows_ && symmetric_; row += rowsOfScale_)
    for (int64_t group = 0; group < groups_ && symmetric_; ++group)
      symmetric_ = zeroAt(row, group) == middle;
  return Error::success();
}

std::string_view PackedMatrix::scheme() const {
  if (!hasBlocks() || !hasNibbles())
    return "q8_0";
  // Zero points times scales, as minimums, have more bits than a float16: eight bits a number lose less.
  return symmetric_ ? "q4_0" : form_.packing == Packing::mlx ? "q4_1" : "q8_0";
}

bool PackedMatrix::exact() const {
  return hasBlocks() && (symmetric_ || scheme() == "q4_1");
}

uint32_t PackedMatrix::word(const SourceTensor &tensor, int64_t index) const {
  return llvm::support::endian::read32le(tensor.bytes.data() + 4 * index);
}

float PackedMatrix::scaleAt(int64_t row, int64_t group) const {
  bool across = form_.packing == Packing::gptq || form_.packing == Packing::awq;
  float scale = 0;
  readNumbers(*tensors_.scales, across ? group * rows_ + row : row / rowsOfScale_ * groups_ + group,
              {&scale, 1});
  return scale;
}

float PackedMatrix::biasAt(int64_t row, int64_t group) const {
  float bias = 0;
  readNumbers(*tensors_.zeros, row / rowsOfScale_ * groups_ + group, {&bias, 1});
  return bias;
}

int PackedMatrix::zeroAt(int64_t row, int64_t group) const {
  const SourceTensor *zeros = tensors_.zeros;
  uint32_t mask = form_.bits == 8 ? 255 : 15;
  int64_t perWord = 32 / form_.bits, lane = row % perWord, packed = (rows_ - 1) / perWord + 1;
  switch (form_.packing) {
  case Packing::bytes:
    return zeros ? int8_t(zeros->bytes[size_t(row / rowsOfScale_ * groups_ + group)]) : 0;
  case Packing::words:
    return zeros ? int(word(*zeros, row / perWord * groups_ + group) >> (form_.bits * lane) & mask)
                 : 1 << (form_.bits - 1);
  case Packing::gptq:
    return int((word(*zeros, group * packed + row / perWord) >> (form_.bits * lane) & mask) +
               form_.zerosAreLess) &
           int(mask); // as the kernels of GPTQ do
  case Packing::awq:
    return int(word(*zeros, group * packed + row / perWord) >> (form_.bits * kAwqPlaces[lane]) & mask);
  case Packing::mlx:
    return 0;
  }
  return 0;
}

void PackedMatrix::readCodes(int64_t row, std::span<float> codes) const {
  const SourceTensor &tensor = *tensors_.codes;
  uint32_t mask = form_.bits == 8 ? 255 : 15;
  int64_t bits = form_.bits, perWord = 32 / bits, place = row % perWord;
  switch (form_.packing) {
  case Packing::bytes:
    for (int64_t column = 0; column < columns_; ++column) {
      uint8_t code = tensor.bytes[size_t(row * columns_ + column)];
      codes[size_t(column)] = isFloat_ ? e4m3()[code] : float(int8_t(code));
    }
    return;
  case Packing::words:
  case Packing::mlx:
    for (int64_t column = 0; column < columns_; ++column)
      codes[size_t(column)] =
          float(word(tensor, (row * columns_ + column) / perWord) >> (bits * (column % perWord)) & mask);
    return;
  case Packing::gptq:
    for (int64_t column = 0; column < columns_; ++column)
      codes[size_t(column)] =
          float(word(tensor, column / perWord * rows_ + row) >> (bits * (column % perWord)) & mask);
    return;
  case Packing::awq:
    for (int64_t column = 0; column < columns_; ++column)
      codes[size_t(column)] =
          float(word(tensor, (column * rows_ + row) / perWord) >> (bits * kAwqPlaces[place]) & mask);
    return;
  }
}

void PackedMatrix::computeRow(int64_t row, std::span<float> out) const {
  readCodes(row, out);
  std::vector<float> scales(static_cast<size_t>(groups_)), shifts(static_cast<size_t>(groups_));
  for (int64_t group = 0; group < groups_; ++group) {
    scales[size_t(group)] = scaleAt(row, group);
    if (form_.packing == Packing::mlx)
      shifts[size_t(group)] = biasAt(row, group);
    else
      shifts[size_t(group)] = float(zeroAt(row, group));
  }
  bool mlx = form_.packing == Packing::mlx;
  for (int64_t column = 0; column < columns_; ++column) {
    auto group = size_t(groupOf(column));
    float &number = out[size_t(column)];
    number = mlx ? scales[group] * number + shifts[group] : scales[group] * (number - shifts[group]);
  }
}

/// The stored form of 32 codes, as files have it; nothing if a scale or a number does not fit.
std::optional<std::vector<uint8_t>> PackedMatrix::storedBlock(int64_t row, int64_t column,
                                                              const float *codes) const {
  const SchemeRow &stored = rowOf(*findScheme(scheme()));
  int64_t group = groupOf(column);
  float scale = scaleAt(row, group), minimum = stored.hasMinimum ? biasAt(row, group) : 0;
  BlockParts parts{.scale = toHalf(scale), .minimum = toHalf(minimum)};
  if (fromHalf(parts.scale) != scale || fromHalf(parts.minimum) != minimum)
    return std::nullopt;
  int zero = stored.bits == 8 ? zeroAt(row, group) : 0; // stored numbers of 4 bits have their bias
  for (int64_t i = 0; i < kBlock; ++i) {
    int integer = int(codes[i]) - zero;
    if (integer == -128) // a number that q8_0 does not have
      return std::nullopt;
    parts.numbers[size_t(i)] = uint8_t(integer);
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(stored.blockBytes));
  stored.join(parts, bytes.data());
  return bytes;
}

bool PackedMatrix::store(std::string_view wanted, int64_t first, int64_t count,
                         std::span<uint8_t> out) const {
  int64_t row = first / columns_, from = first % columns_;
  if (!exact() || wanted != scheme() || from % kBlock != 0 || count % kBlock != 0 || count > columns_ - from)
    return false;
  std::vector<float> codes(static_cast<size_t>(columns_));
  readCodes(row, codes);
  std::vector<uint8_t> all;
  for (int64_t column = from; column < from + count; column += kBlock) {
    std::optional<std::vector<uint8_t>> block = storedBlock(row, column, codes.data() + column);
    if (!block)
      return false;
    llvm::append_range(all, *block);
  }
  llvm::copy(all, out.begin());
  return true;
}

} // namespace gemmac
