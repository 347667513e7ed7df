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
static constexpr int64_t kLaneBytes = 4;

static int64_t tilesOf(int64_t rows) {
  return (rows + kTileRows - 1) / kTileRows;
}

std::vector<Plane> planesOf(Layout layout, Scheme scheme, WeightShape shape) {
  const SchemeRow &stored = rowOf(scheme);
  int64_t rows = shape.rows, columns = shape.columns, tiles = tilesOf(rows), blocks = columns / stored.block;
  assert(stored.weights && "weights are stored so");
  assert(columns % stored.block == 0 && "rows are whole blocks");
  bool tiled = layout == Layout::tiles16;
  std::vector<Plane> planes;
  if (layout == Layout::vector) {
    assert(scheme == Scheme::f32 && "vectors are float32");
    planes = {{Element::f32, {columns}}};
  } else if (!stored.quantized()) {
    planes = {{stored.element, {rows, columns}}};
    if (tiled)
      planes = {{stored.element, {tiles, columns, kTileRows}}};
  } else {
    bool wholeBytes = stored.numberBytes == stored.block;
    planes = {{stored.element, {rows, columns}}, {Element::f16, {rows, blocks}}};
    if (!wholeBytes)
      planes[0].shape = {rows, blocks, stored.numberBytes};
    if (tiled)
      planes = {{stored.element, {tiles, blocks, stored.numberBytes / kLaneBytes, kTileRows, kLaneBytes}},
                {Element::f16, {tiles, blocks, kTileRows}}};
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

/// Writes a row of blocks; numbers and scales go to separate planes.
static void packBlocks(bool tiled, const SchemeRow &scheme, const uint8_t *stored, int64_t blocks,
                       int64_t row, uint8_t *numbers, uint8_t *scales) {
  int64_t tile = row / kTileRows, lane = row % kTileRows, lanes = scheme.numberBytes / kLaneBytes;
  for (int64_t b = 0; b < blocks; ++b, stored += scheme.blockBytes()) {
    const uint8_t *storedNumbers = stored + scheme.scaleBytes;
    int64_t block = tiled ? tile * blocks + b : row * blocks + b;
    if (!tiled) {
      std::memcpy(numbers + block * scheme.numberBytes, storedNumbers, size_t(scheme.numberBytes));
      std::memcpy(scales + block * scheme.scaleBytes, stored, size_t(scheme.scaleBytes));
      continue;
    }
    for (int64_t g = 0; g < lanes; ++g)
      std::memcpy(numbers + ((block * lanes + g) * kTileRows + lane) * kLaneBytes,
                  storedNumbers + kLaneBytes * g, kLaneBytes);
    std::memcpy(scales + (block * kTileRows + lane) * scheme.scaleBytes, stored, size_t(scheme.scaleBytes));
  }
}

void packRows(Layout layout, Scheme scheme, WeightShape shape, int64_t expert, int64_t firstRow,
              int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes) {
  std::vector<Plane> all = planesOf(layout, scheme, shape);
  assert(planes.size() == all.size() && "every plane has a start");
  std::array<uint8_t *, 2> start{};
  for (size_t i = 0; i < planes.size(); ++i)
    start[i] = planes[i] + (shape.experts ? expert * (all[i].bytes() / shape.experts) : 0);

  const SchemeRow &row = rowOf(scheme);
  int64_t rowBytes = storedRowBytes(scheme, shape.columns);
  bool tiled = layout == Layout::tiles16;
  for (int64_t r = firstRow; r < firstRow + count; ++r, stored += rowBytes) {
    if (row.quantized())
      packBlocks(tiled, row, stored, shape.columns / row.block, r, start[0], start[1]);
    else if (tiled)
      interleave(stored, shape.columns, row.numberBytes, r, start[0]);
    else
      std::memcpy(start[0] + r * rowBytes, stored, size_t(rowBytes));
  }
}

} // namespace gemmac
