//===- WeightLayout.h - how weights are packed for the kernels ------------------------------------------===//
//
// A weight is stored as one or more planes, dense arrays in C order. NT = ceil(rows / 16) (tiles of 16 rows;
// rows beyond the last are zero). With experts every plane has them as a leading axis. The planes of schemes
// without blocks:
//
//   layout    planes
//   vector    f32[columns]
//   rows      T[rows, columns]        one row after the other: tables that are read by row
//   tiles16   T[NT, columns, 16]      16 rows interleaved: one vector of a kernel
//
// Quantized schemes, with U = columns / 32 units of 32 numbers, B = columns / block stored blocks, F factors
// and offsets of a unit (SchemeRow::factorsOf32) and S = 1, or 2 if there is a minimum; every plane that a
// scheme has, in this order:
//
//   plane              rows               tiles16
//   numbers, b bits    [rows, U, 4 b]     [NT, U, b, 16, 4]
//   their high bits    u8[rows, U, 4 h]   u8[NT, U, h, 16, 4]
//   factors            i8[rows, U, F]     i8[NT, U, F, 16]     of each group of the unit, then the offsets
//   scales             f16[rows, B, S]    f16[NT, B, S, 16]    the scale, the minimum
//
// (rows of q8_0: i8[rows, columns]; where S is 1, the axis is left out.) A unit is eight fours of adjacent
// columns. Number j of four n has the b bits from b * (n / b) on of byte [n % b, j], the lowest first: of
// q4_0, byte [n, j] holds column 4 n + j in its low half and column 16 + 4 n + j in its high half, both + 8.

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

/// A scheme's plane of high bits, of factors and of scales among the planes of a weight.
struct PlaneOrder {
  int high, factors, scales; ///< -1: the scheme has none
};
PlaneOrder planeOrder(const SchemeRow &scheme);

/// The place of the bits of number j of four n (0 … 7) of a unit in a plane of `bits` bits a number.
struct BitPlace {
  int byte, shift; ///< byte [byte, j]
};
inline BitPlace bitPlace(int bits, int n) {
  return {n % bits, n / bits * bits};
}

/// Planes of a weight. It needs a scheme for weights, f32 for a vector, and columns that are whole blocks.
std::vector<Plane> planesOf(Layout layout, Scheme scheme, WeightShape shape);

/// Packs the stored rows firstRow … firstRow + count - 1 of one expert (0 if there are none) as the layout
/// defines. `planes` are the starts of the planes, already zeroed. Calls for disjoint rows may run
/// concurrently.
void packRows(Layout layout, Scheme scheme, WeightShape shape, int64_t expert, int64_t firstRow,
              int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes);

} // namespace gemmac

#endif
