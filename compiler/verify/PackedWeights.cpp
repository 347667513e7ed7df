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
    int64_t bytes = scheme.blockBytes;
    const uint8_t *from = planes[0].data() + expert * rowsOfExpert() * shape.columns * bytes;
    for (int64_t c = 0; c < shape.columns; ++c) {
      int64_t at = tiled ? (row / kTileRows * shape.columns + c) * kTileRows + row % kTileRows
                         : row * shape.columns + c;
      std::memcpy(stored + c * bytes, from + at * bytes, static_cast<size_t>(bytes));
    }
  }

  /// Byte `at` of the bytes that belong to a row, a part of its plane's axes from `unit` of so many units on.
  uint8_t byteOf(int plane, int64_t expert, int64_t row, int64_t units, int64_t unit, int64_t bytes,
                 int64_t at, int64_t together) const {
    int64_t first = tiled ? row / kTileRows : row, lanes = tiled ? kTileRows : 1, lane = row % lanes;
    int64_t start = expert * rowsOfExpert() * units * bytes + (first * units + unit) * bytes * lanes;
    return planes[size_t(plane)][size_t(start + (at / together * lanes + lane) * together + at % together)];
  }

  /// Number j of four n, the bits of one plane.
  int bitsOf(int plane, int bits, int64_t expert, int64_t row, int64_t unit, int n, int j) const {
    BitPlace place = bitPlace(bits, n);
    uint8_t byte = byteOf(plane, expert, row, shape.columns / kBlock, unit, 4 * bits, 4 * place.byte + j, 4);
    return byte >> place.shift & ((1 << bits) - 1);
  }

  uint16_t halfOf(int plane, int64_t expert, int64_t row, int64_t block, int64_t which) const {
    int64_t blocks = shape.columns / scheme.block, bytes = scheme.hasMinimum ? 4 : 2;
    uint8_t low = byteOf(plane, expert, row, blocks, block, bytes, 2 * which, 2),
            high = byteOf(plane, expert, row, blocks, block, bytes, 2 * which + 1, 2);
    return uint16_t(low | high << 8);
  }

  void gatherBlocks(int64_t expert, int64_t row, uint8_t *stored) const {
    PlaneOrder order = planeOrder(scheme);
    int64_t units = shape.columns / kBlock, unitsOfBlock = scheme.block / kBlock,
            groups = scheme.groupsOf32();
    BlockParts parts;
    for (int64_t unit = 0; unit < units; ++unit) {
      int64_t inBlock = unit % unitsOfBlock;
      for (int i = 0; i < kBlock; ++i) {
        int number = bitsOf(0, scheme.bits, expert, row, unit, i / 4, i % 4);
        if (scheme.highBits)
          number |= bitsOf(order.high, scheme.highBits, expert, row, unit, i / 4, i % 4) << scheme.bits;
        parts.numbers[size_t(inBlock * kBlock + i)] = uint8_t(number);
      }
      auto factor = [&](int64_t which) {
        return int8_t(byteOf(order.factors, expert, row, units, unit, scheme.factorsOf32(), which, 1));
      };
      for (int64_t g = 0; scheme.hasFactors() && g < groups; ++g) {
        parts.factors[size_t(inBlock * groups + g)] = factor(g);
        if (scheme.hasMinimum)
          parts.offsets[size_t(inBlock * groups + g)] = factor(groups + g);
      }
      if (inBlock + 1 < unitsOfBlock)
        continue;
      parts.scale = halfOf(order.scales, expert, row, unit / unitsOfBlock, 0);
      if (scheme.hasMinimum)
        parts.minimum = halfOf(order.scales, expert, row, unit / unitsOfBlock, 1);
      scheme.join(parts, stored);
      stored += scheme.blockBytes;
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
    blocks = reference::blocksFor(scheme, rows * columns);
  StoredRows all(layout, scheme, shape, planes);
  std::vector<uint8_t> stored(static_cast<size_t>(storedRowBytes(scheme, columns)));
  for (int64_t r = 0; r < rows; ++r) {
    all.gather(r / shape.rows, r % shape.rows, stored.data());
    loadRow(scheme, stored.data(),
            std::span(weight.numbers.floats()).subspan(size_t(r * columns), size_t(columns)));
    if (row.quantized())
      reference::splitRow(scheme, stored.data(), columns, r * columns, blocks);
  }
  if (row.quantized())
    weight.blocks = Array(logical, std::move(blocks));
  return weight;
}

} // namespace gemmac::verify
