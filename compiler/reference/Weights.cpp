//===- Weights.cpp - a model's weights as the device will see them --------------------------------------===//

#include "compiler/reference/Weights.h"

#include "compiler/import/SourceRows.h"
#include "contract/WeightLayout.h"

#include <algorithm>

namespace gemmac::reference {

static llvm::Error failure(gemma::WeightOp op, const llvm::Twine &text) {
  return llvm::createStringError("weight @" + op.getSymName() + ": " + text);
}

/// Sources stand one after the other along the rows: of the whole weight, or of each expert. `ready` gets the
/// stored form of each row that must not be rounded (SourceRows::keep).
static llvm::Expected<Array> stack(gemma::WeightOp op, const WeightSource &source,
                                   std::vector<std::vector<uint8_t>> &ready) {
  llvm::ArrayRef<int64_t> type = op.getTensorType().getShape();
  Scheme scheme = op.getScheme();
  // Each number of a vector counts as a row.
  int64_t columns = type.size() > 1 ? type.back() : 1;
  Array result = Array::zeros(Shape(type.begin(), type.end()));
  int64_t experts = result.rank() == 3 ? result.size(0) : 1;
  int64_t all = numbersOf(type) / experts / columns, filled = 0;
  for (const TensorRange &range : readSources(op.getSources())) {
    llvm::Expected<SourceRows> part = SourceRows::open(range, source, experts, columns);
    if (!part)
      return failure(op, llvm::toString(part.takeError()));
    int64_t rows = part->rows();
    if (rows > all - filled)
      return failure(op, "tensor " + range.tensor + " has " + llvm::Twine(rows) + " rows, more than fit");
    bool mayKeep = result.rank() > 1 && !op.getAddOne() && scheme != Scheme::f32;
    for (int64_t e = 0; e < experts; ++e) {
      int64_t first = e * all + filled;
      part->read(e, 0, std::span(result.floats()).subspan(first * columns, rows * columns));
      for (int64_t row = 0; mayKeep && row < rows; ++row) {
        std::vector<uint8_t> &stored = ready[first + row];
        stored.resize(size_t(storedRowBytes(scheme, columns)));
        if (part->keep(e, row, scheme, stored) == SourceRows::Kept::nothing)
          stored.clear();
      }
    }
    filled += rows;
  }
  if (filled != all)
    return failure(op, "its tensors have " + llvm::Twine(filled) + " rows, but " + llvm::Twine(all) +
                           " are needed");
  if (op.getAddOne())
    for (float &number : result.floats())
      number += 1.0f;
  return result;
}

Blocks blocksFor(Scheme scheme, int64_t count) {
  const SchemeRow &row = rowOf(scheme);
  auto groups = size_t(count / row.group);
  return {row.group, std::vector<int8_t>(size_t(count)), std::vector<float>(groups),
          std::vector<float>(row.hasMinimum ? groups : 0)};
}

void splitRow(Scheme scheme, const uint8_t *stored, int64_t columns, int64_t first, Blocks &blocks) {
  const SchemeRow &row = rowOf(scheme);
  BlockParts parts;
  for (int64_t number = first; number < first + columns; number += row.block, stored += row.blockBytes) {
    row.split(stored, parts);
    for (int64_t i = 0; i < row.block; ++i)
      blocks.bytes[size_t(number + i)] = int8_t(row.valueOf(parts.numbers[size_t(i)]));
    for (int64_t g = 0; g < row.block / row.group; ++g) {
      GroupStep step = stepOf(row, parts, g);
      blocks.scales[size_t(number / row.group + g)] = step.step;
      if (row.hasMinimum)
        blocks.offsets[size_t(number / row.group + g)] = step.offset;
    }
  }
}

llvm::Expected<Weight> readWeight(gemma::WeightOp op, const WeightSource &source) {
  llvm::ArrayRef<int64_t> shape = op.getTensorType().getShape();
  std::vector<std::vector<uint8_t>> ready(op.getTensorType().getNumElements() / shape.back());
  llvm::Expected<Array> numbers = stack(op, source, ready);
  if (!numbers)
    return numbers.takeError();
  Weight weight{std::move(*numbers), std::nullopt};
  const SchemeRow &scheme = rowOf(op.getScheme());
  if (scheme.scheme == Scheme::f32)
    return weight;

  size_t columns = weight.numbers.shape().back(), count = weight.numbers.floats().size();
  std::vector<uint8_t> stored(storedRowBytes(scheme.scheme, columns));
  Blocks blocks;
  if (scheme.quantized())
    blocks = blocksFor(scheme.scheme, int64_t(count));
  for (size_t first = 0; first < count; first += columns) {
    std::span<float> row = std::span(weight.numbers.floats()).subspan(first, columns);
    if (std::vector<uint8_t> &bytes = ready[first / columns]; !bytes.empty())
      stored = std::move(bytes);
    else
      storeRow(scheme.scheme, row, stored.data());
    loadRow(scheme.scheme, stored.data(), row);
    if (scheme.quantized())
      splitRow(scheme.scheme, stored.data(), int64_t(columns), int64_t(first), blocks);
  }
  if (scheme.quantized())
    weight.blocks = Array(weight.numbers.shape(), std::move(blocks));
  return weight;
}

} // namespace gemmac::reference
