//===- StoredNumbers.cpp - numbers of quantized schemes as expressions over their planes ----------------===//

#include "targets/kernels/StoredNumbers.h"
#include "targets/kernels/TableLookup.h"

namespace gemmac {

using namespace Halide;

/// `bits` bits of a number, at `to` of the result: WeightLayout.h's bitPlace of four half * 4 + g.
static Expr bitsOf(const StoredPlanes &planes, int plane, int bits, int to, const Expr &half, const Expr &g) {
  if (bits == 8)
    return reinterpret<uint8_t>(planes.bytes(plane, half * 4 + g));
  Expr byte = planes.bytes(plane, bits == 4 ? g : g % bits);
  Expr shift = half * 4 + g / bits * bits;
  if (bits == 4)
    shift = half * 4;
  Expr shifted = byte >> cast<uint8_t>(shift);
  // Shifted up before it is masked: two shifts and a mask become one shift and a mask.
  if (to)
    shifted = shifted << cast<uint8_t>(to);
  return shifted & planes.mask(((1 << bits) - 1) << to);
}

Expr storedNumber(const SchemeRow &scheme, const StoredPlanes &planes, const Expr &half, const Expr &g) {
  Expr number = bitsOf(planes, 0, scheme.bits, 0, half, g);
  if (scheme.highBits)
    number = number | bitsOf(planes, 1, scheme.highBits, scheme.bits, half, g);
  return number;
}

Expr storedValue(const SchemeRow &scheme, const Expr &number) {
  if (scheme.bits == 8)
    return reinterpret<int8_t>(number);
  if (!scheme.values)
    return cast<int8_t>(number) - cast<int8_t>(scheme.bias);
  return Internal::Call::make(Int(8), kTableLookup, {number}, Internal::Call::PureExtern);
}

} // namespace gemmac
