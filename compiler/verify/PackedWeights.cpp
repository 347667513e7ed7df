//===- PackedWeights.cpp - weights as a plan finds them: bytes in planes --------------------------------===//

#include "compiler/verify/PackedWeights.h"

#include "compiler/package/WeightPacker.h"

#include <cstring>

using namespace mlir;

namespace gemmac::verify {

using reference::Array;
using reference::Blocks;
using reference::Shape;

llvm::Expected<const PlaneBytes *> PackedWeights::planesOf(plan::WeightOp op) {
  PlannedWeight weight;
  weight.name = op.getSymName().str();
  weight.scheme = op.getScheme();
  weight.layout = op.getLayout();
  weight.logical.assign(op.getShape().begin(), op.getShape().end());
  weight.addOne = op.getAddOne();
  llvm::append_range(weight.sources, readSources(op.getSources()));
  weight.planes = gemmac::planesOf(weight.layout, weight.scheme, weight.shape());

  std::string key;
  llvm::raw_string_ostream stream(key);
  stream << nameOf(weight.scheme) << ' ' << nameOf(weight.layout) << ' ' << weight.addOne << ' '
         << op.getSources();
  for (int64_t size : weight.logical)
    stream << ' ' << size;
  auto [known, isNew] = packed.try_emplace(key);
  if (!isNew)
    return &known->second;

  // The packer writes planes one behind the other.
  int64_t end = 0;
  for (const Plane &plane : weight.planes) {
    weight.offsets.push_back(end);
    end += plane.bytes();
  }
  std::vector<uint8_t> all(static_cast<size_t>(end));
  llvm::DefaultThreadPool threads(llvm::hardware_concurrency(1));
  auto sink = [&](int64_t offset, std::span<const uint8_t> bytes) {
    std::ranges::copy(bytes, all.begin() + offset);
    return llvm::Error::success();
  };
  llvm::Expected<PackedWeight> done = packWeight(weight, source, threads, sink);
  if (!done) {
    packed.erase(known);
    return done.takeError();
  }
  for (auto [plane, offset] : llvm::zip_equal(weight.planes, weight.offsets))
    known->second.emplace_back(all.begin() + offset, all.begin() + offset + plane.bytes());
  return &known->second;
}

namespace {

/// Rows in their stored form, gathered from planes.
class StoredRows {
public:
  StoredRows(Layout layout, Scheme scheme, WeightShape shape, const PlaneBytes &planes)
      : scheme(rowOf(scheme)), shape(shape), planes(planes), tiled(layout == Layout::tiles16) {}

  void gather(int64_t expert, int64_t row, uint8_t *stored) const {
    if (scheme.quantized())
      gatherBlocks(expert, row, stored);
    else
      gatherNumbers(expert, row, stored);
  }

private:
  /// Rows of the planes that an expert takes: whole tiles.
  int64_t rowsOfExpert() const {
    return tiled ? (shape.rows + kTileRows - 1) / kTileRows * kTileRows : shape.rows;
  }

  void gatherNumbers(int64_t expert, int64_t row, uint8_t *stored) const {
    int64_t bytes = scheme.numberBytes;
    const uint8_t *from = planes[0].data() + expert * rowsOfExpert() * shape.columns * bytes;
    for (int64_t c = 0; c < shape.columns; ++c) {
      int64_t at = tiled ? (row / kTileRows * shape.columns + c) * kTileRows + row % kTileRows
                         : row * shape.columns + c;
      std::memcpy(stored + c * bytes, from + at * bytes, static_cast<size_t>(bytes));
    }
  }

  void gatherBlocks(int64_t expert, int64_t row, uint8_t *stored) const {
    constexpr int64_t lane = 4; // bytes of a row that stay together in a tile
    int64_t blocks = shape.columns / scheme.block, before = expert * rowsOfExpert() * blocks;
    const uint8_t *numbers = planes[0].data() + before * scheme.numberBytes;
    const uint8_t *scales = planes[1].data() + before * scheme.scaleBytes;
    for (int64_t b = 0; b < blocks; ++b, stored += scheme.blockBytes()) {
      int64_t tile = row / kTileRows * blocks + b,
              at = tiled ? tile * kTileRows + row % kTileRows : row * blocks + b;
      std::memcpy(stored, scales + at * scheme.scaleBytes, static_cast<size_t>(scheme.scaleBytes));
      for (int64_t i = 0; i < scheme.numberBytes; ++i) {
        int64_t inTile = (i / lane * kTileRows + row % kTileRows) * lane + i % lane;
        stored[scheme.scaleBytes + i] = tiled ? numbers[tile * kTileRows * scheme.numberBytes + inTile]
                                              : numbers[at * scheme.numberBytes + i];
      }
    }
  }

  const SchemeRow &scheme;
  WeightShape shape;
  const PlaneBytes &planes;
  bool tiled;
};

} // namespace

reference::Weight unpack(Layout layout, Scheme scheme, WeightShape shape, const PlaneBytes &planes) {
  const SchemeRow &row = rowOf(scheme);
  int64_t experts = std::max<int64_t>(shape.experts, 1), rows = experts * shape.rows, columns = shape.columns;
  Shape logical = {shape.rows, columns};
  if (shape.experts)
    logical.insert(logical.begin(), shape.experts);
  reference::Weight weight{Array::zeros(logical), std::nullopt};
  Blocks blocks;
  if (row.quantized())
    blocks = {row.block, std::vector<int8_t>(size_t(rows * columns)),
              std::vector<float>(size_t(rows * columns / row.block))};
  StoredRows all(layout, scheme, shape, planes);
  std::vector<uint8_t> stored(static_cast<size_t>(storedRowBytes(scheme, columns)));
  for (int64_t r = 0; r < rows; ++r) {
    all.gather(r / shape.rows, r % shape.rows, stored.data());
    loadRow(scheme, stored.data(),
            std::span(weight.numbers.floats()).subspan(size_t(r * columns), size_t(columns)));
    for (int64_t b = 0; row.quantized() && b < columns / row.block; ++b)
      row.integers(stored.data() + b * row.blockBytes(), blocks.bytes.data() + r * columns + b * row.block,
                   &blocks.scales[size_t(r * columns / row.block + b)]);
  }
  if (row.quantized())
    weight.blocks = Array(logical, std::move(blocks));
  return weight;
}

} // namespace gemmac::verify
