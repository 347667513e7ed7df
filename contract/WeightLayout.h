//===- WeightLayout.h - how weights are packed for the kernels ------------------------------------------===//
//
// A weight is stored as one or more planes, dense arrays in C order. KB = columns / 32 (blocks of a row), NT
// = ceil(rows / 16) (tiles of 16 rows; rows beyond the last are zero). With experts every plane has them as a
// leading axis.
//
// clang-format off
//   layout    scheme   planes
//   vector    f32      f32[columns]
//   rows      f32      f32[rows, columns]                  one row after the other: tables that are read by row
//             bf16     u16[rows, columns]
//             q8_0     i8[rows, columns], f16[rows, KB]
//             q4_0     u8[rows, KB, 16], f16[rows, KB]     byte i of a block: number i in the low nibble, i + 16 in the high one, both + 8
//   tiles16   f32      f32[NT, columns, 16]                16 rows interleaved: one vector of a kernel
//             bf16     u16[NT, columns, 16]
//             q8_0     i8[NT, KB, 8, 16, 4], f16[NT, KB, 16]   [tile, block, g, row, j]: column 4g + j of the block
//             q4_0     u8[NT, KB, 4, 16, 4], f16[NT, KB, 16]   low nibble: column 4g + j, high nibble: 16 + 4g + j, both + 8
// clang-format on

#ifndef GEMMAC_CONTRACT_WEIGHTLAYOUT_H
#define GEMMAC_CONTRACT_WEIGHTLAYOUT_H

#include "contract/Scheme.h"

namespace gemmac {

/// Identifies a layout; the order means nothing.
enum class Layout : uint8_t { vector, rows, tiles16 };

std::string_view nameOf(Layout layout); ///< "tiles16"
std::optional<Layout> findLayout(std::string_view name);

/// Rows of a tile.
inline constexpr int64_t kTileRows = 16;

/// Logical matrix (experts, rows, columns); experts is 0 if there are none.
struct WeightShape {
  int64_t experts = 0, rows = 0, columns = 0;
};

/// Planes of a weight. It needs a scheme for weights, f32 for a vector, and columns that are whole blocks.
std::vector<Plane> planesOf(Layout layout, Scheme scheme, WeightShape shape);

/// Packs the stored rows firstRow … firstRow + count - 1 of one expert (0 if there are none) as the layout
/// defines. `planes` are the starts of the planes, already zeroed. Calls for disjoint rows may run
/// concurrently.
void packRows(Layout layout, Scheme scheme, WeightShape shape, int64_t expert, int64_t firstRow,
              int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes);

} // namespace gemmac

#endif
