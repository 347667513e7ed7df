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

#ifndef GEMMAC_TARGETS_KERNELS_WEIGHTLAYOUT_H
#define GEMMAC_TARGETS_KERNELS_WEIGHTLAYOUT_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gemmac {

enum class Element { f32, bf16, f16, i8, u8 };
size_t bytesOf(Element element);

struct Plane {
  Element element;
  std::vector<int64_t> shape; ///< slowest axis first
  int64_t bytes() const;
};

inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kBlock = 32;

/// Logical matrix (experts, rows, columns); experts is 0 where there are none.
struct WeightShape {
  int64_t experts = 0, rows = 0, columns = 0;
};

/// Planes of a layout ("vector", "rows", "tiles16") for a scheme ("f32", "bf16", "q8_0", "q4_0"); both must
/// exist.
std::vector<Plane> planesOf(const std::string &layout, const std::string &scheme, WeightShape shape);

/// Bytes of one row in its scheme's stored form: plain little-endian numbers, or the GGUF blocks Q8_0 / Q4_0.
int64_t storedRowBytes(const std::string &scheme, int64_t columns);

/// float32 → stored row. Q8_0 as GGUF defines it; Q4_0 with the scale, among candidates around max/-8, that
/// leaves the smallest squared error; numbers that lie on a Q4_0 grid come back exactly.
void storeRow(const std::string &scheme, std::span<const float> row, uint8_t *stored);

/// Stored row → float32: the numbers that the kernels compute with.
void loadRow(const std::string &scheme, const uint8_t *stored, std::span<float> row);

/// Puts stored rows firstRow … firstRow + count - 1 of one expert (0 where there are none) where the layout
/// wants them. `planes` are the starts of the planes, already zeroed. Calls for disjoint rows may run at
/// once.
void packRows(const std::string &layout, const std::string &scheme, WeightShape shape, int64_t expert,
              int64_t firstRow, int64_t count, const uint8_t *stored, std::span<uint8_t *const> planes);

} // namespace gemmac

#endif
