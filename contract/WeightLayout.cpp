//===- WeightLayout.cpp - how weights are packed for the kernels ----------------------------------------===//

#include "contract/WeightLayout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace gemmac {

static constexpr struct {
  Layout layout;
  std::string_view name;
} kNames[] = {{Layout::vector, "vector"}, {Layout::rows, "rows"}, {Layout::tiles16, "tiles16"}};

std::string_view nameOf(Layout layout) {
  return std::ranges::find(kNames, layout, &std::remove_cvref_t<decltype(kNames[0])>::layout)->name;
}

std::optional<Layout> findLayout(std::string_view name) {
  const auto *found = std::ranges::find(kNames, name, &std::remove_cvref_t<decltype(kNames[0])>::name);
  return found == std::end(kNames) ? std::nullopt : std::optional(found->layout);
}

/// Adjacent bytes of one row in a tile: what one lane of an integer dot product multiplies.
static constexpr int kLaneBytes = 4;
/// Groups of so many adjacent columns in a unit of 32.
static constexpr int kFours = int(kBlock / kLaneBytes);

static int64_t tilesOf(int64_t rows) {
  return (rows + kTileRows - 1) / kTileRows;
}

PlaneOrder planeOrder(const SchemeRow &scheme) {
  int next = 1;
  return {.high = scheme.highBits ? next++ : -1,
          .factors = scheme.hasFactors() ? next++ : -1,
          .scales = scheme.quantized() ? next : -1};
}

static std::vector<Plane> quantizedPlanes(bool tiled, const SchemeRow &scheme, WeightShape shape) {
  int64_t first = tiled ? tilesOf(shape.rows) : shape.rows, units = shape.columns / kBlock,
          blocks = shape.columns / scheme.block;
  std::vector<Plane> planes;
  auto ofNumbers = [&](Element element, int64_t bits) {
    planes.push_back({element, {first, units, kLaneBytes * bits}});
    if (tiled)
      planes.back().shape = {first, units, bits, kTileRows, kLaneBytes};
    else if (bits == 8)
      planes.back().shape = {first, shape.columns};
  };
  auto ofGroups = [&](Element element, std::vector<int64_t> axes) {
    if (tiled)
      axes.push_back(kTileRows);
    planes.push_back({element, axes});
  };
  ofNumbers(scheme.element, scheme.bits);
  if (scheme.highBits)
    ofNumbers(Element::u8, scheme.highBits);
  if (scheme.hasFactors())
    ofGroups(Element::i8, {first, units, scheme.factorsOf32()});
  if (scheme.hasMinimum)
    ofGroups(Element::f16, {first, blocks, 2});
  else
    ofGroups(Element::f16, {first, blocks});
  return planes;
}

std::vector<Plane> planesOf(Layout layout, Scheme scheme, WeightShape shape) {
  const SchemeRow &stored = rowOf(scheme);
  assert(stored.weights && "weights are stored so");
  assert(shape.columns % stored.block == 0 && "rows are whole blocks");
  bool tiled = layout == Layout::tiles16;
  std::vector<Plane> planes;
  if (layout == Layout::vector) {
    assert(scheme == Scheme::f32 && "vectors are float32");
    planes = {{Element::f32, {shape.columns}}};
  } else if (stored.quantized()) {
    planes = quantizedPlanes(tiled, stored, shape);
  } else {
    planes = {{stored.element, {shape.rows, shape.columns}}};
    if (tiled)
      planes = {{stored.element, {tilesOf(shape.rows), shape.columns, kTileRows}}};
  }
  if (shape.experts)
    for (Plane &plane : planes)
      plane.shape.insert(plane.shape.begin(), shape.experts);
  return planes;
}

/// Writes a row of numbers, interleaved with the 15 others of its tile.
static void interleave(const uint8_t *stored, int64_t columns, int64_t bytes, int64_t row, uint8_t *plane) {
  uint8_t *to = plane + (row / kTileRows * columns * kTileRows + row % kTileRows) * bytes;
  for (int64_t c = 0; c < columns; ++c)
    std::memcpy(to + c * kTileRows * bytes, stored + c * bytes, size_t(bytes));
}

/// The bits from `from` on of a unit's numbers, to bytes whose fours are `stride` bytes apart.
template <int Bits>
static void packUnit(const uint8_t *numbers, int from, uint8_t *to, int64_t stride) {
  constexpr uint8_t mask = uint8_t((1 << Bits) - 1);
  std::array<uint8_t, kLaneBytes * Bits> bytes{};
  for (int n = 0; n < kFours; ++n)
    for (int j = 0; j < kLaneBytes; ++j)
      bytes[size_t(bitPlace(Bits, n).byte * kLaneBytes + j)] |=
          uint8_t((numbers[n * kLaneBytes + j] >> from & mask) << bitPlace(Bits, n).shift);
  for (int byte = 0; byte < Bits; ++byte)
    std::memcpy(to + byte * stride, bytes.data() + byte * kLaneBytes, kLaneBytes);
}

static void packUnit(int bits, const uint8_t *numbers, int from, uint8_t *to, int64_t stride) {
  switch (bits) {
  case 1:
    return packUnit<1>(numbers, from, to, stride);
  case 2:
    return packUnit<2>(numbers, from, to, stride);
  case 4:
    return packUnit<4>(numbers, from, to, stride);
  case 8:
    return packUnit<8>(numbers, from, to, stride);
  }
  assert(false && "numbers have planes of these bits");
}

/// Writes a row of blocks to its planes.
static void packBlocks(bool tiled, const SchemeRow &scheme, const uint8_t *stored, int64_t columns,
                       int64_t row, std::span<uint8_t *const> planes) {
  // In tiles, what follows in a row is 16 rows further in memory.
  int64_t lanes = tiled ? kTileRows : 1, lane = tiled ? row % kTileRows : 0,
          first = tiled ? row / kTileRows : row;
  int64_t units = columns / kBlock, unitsOfBlock = scheme.block / kBlock, groups = scheme.groupsOf32();
  PlaneOrder order = planeOrder(scheme);
  auto numbersTo = [&](int plane, int bits, int64_t unit) {
    return planes[size_t(plane)] + ((first * units + unit) * bits * lanes + lane) * kLaneBytes;
  };
  BlockParts parts;
  for (int64_t unit = 0; unit < units; ++unit) {
    int64_t inBlock = unit % unitsOfBlock;
    if (inBlock == 0) {
      scheme.split(stored, parts);
      stored += scheme.blockBytes;
      int64_t count = scheme.hasMinimum ? 2 : 1, block = first * (units / unitsOfBlock) + unit / unitsOfBlock;
      uint8_t *scales = planes[size_t(order.scales)] + 2 * (block * count * lanes + lane);
      std::memcpy(scales, &parts.scale, 2);
      if (scheme.hasMinimum)
        std::memcpy(scales + 2 * lanes, &parts.minimum, 2);
    }
    const uint8_t *numbers = parts.numbers.data() + inBlock * kBlock;
    packUnit(scheme.bits, numbers, 0, numbersTo(0, scheme.bits, unit), lanes * kLaneBytes);
    if (scheme.highBits)
      packUnit(scheme.highBits, numbers, scheme.bits, numbersTo(order.high, scheme.highBits, unit),
               lanes * kLaneBytes);
    if (!scheme.hasFactors())
      continue;
    uint8_t *factors =
        planes[size_t(order.factors)] + (first * units + unit) * scheme.factorsOf32() * lanes + lane;
    for (int64_t g = 0; g < groups; ++g) {
      factors[g * lanes] = uint8_t(parts.factors[size_t(inBlock * groups + g)]);
      if (scheme.hasMinimum)
        factors[(groups + g) * lanes] = uint8_t(parts.offsets[size_t(inBlock * groups + g)]);
    }
  }
}

void packRows(Layout layout, Scheme scheme, WeightShape shape, int64_t expert, int64_t firstRow,
              int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes) {
  std::vector<Plane> all = planesOf(layout, scheme, shape);
  assert(planes.size() == all.size() && "every plane has a start");
  std::array<uint8_t *, 4> start{};
  for (size_t i = 0; i < planes.size(); ++i)
    start[i] = planes[i] + (shape.experts ? expert * (all[i].bytes() / shape.experts) : 0);

  const SchemeRow &row = rowOf(scheme);
  int64_t rowBytes = storedRowBytes(scheme, shape.columns);
  bool tiled = layout == Layout::tiles16;
  for (int64_t r = firstRow; r < firstRow + count; ++r, stored += rowBytes) {
    if (row.quantized())
      packBlocks(tiled, row, stored, shape.columns, r, start);
    else if (tiled)
      interleave(stored, shape.columns, row.blockBytes, r, start[0]);
    else
      std::memcpy(start[0] + r * rowBytes, stored, size_t(rowBytes));
  }
}

} // namespace gemmac
