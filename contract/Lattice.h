//===- Lattice.h - numbers that were trained for 4 bits -------------------------------------------------===//
//
// Quantization-aware training ends with weights on a lattice, scale · integer, which a checkpoint holds
// rounded to bfloat16. The lattice is found again from these numbers, exactly, or not at all.

#ifndef GEMMAC_CONTRACT_LATTICE_H
#define GEMMAC_CONTRACT_LATTICE_H

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace gemmac {

/// A block of scheme q4_0 before it is packed.
struct Q4Lattice {
  uint16_t scale;                  ///< bits of a float16
  std::array<int8_t, 32> integers; ///< -8 … 7
};

/// A lattice of which every number, rounded to bfloat16, is the given one, bit for bit (of zeros the sign may
/// differ). Among several scales it is the one in the middle of those that fit. Nothing if there is none, as
/// with numbers that were not trained so, are no bfloat16 or are not finite. All machines find the same.
std::optional<Q4Lattice> findQ4Lattice(std::span<const float, 32> numbers);

} // namespace gemmac

#endif
