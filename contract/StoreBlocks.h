//===- StoreBlocks.h - numbers to blocks ----------------------------------------------------------------===//
//
// q8_0: scale = max |x| / 127, halves away from zero, as GGUF defines it.
// q4_0: the scale, among candidates around max / -8, with the smallest squared error. Numbers that were
// trained for 4 bits, and then rounded to bfloat16, get their lattice back (Lattice.h). All others: for each
// group the step (and offset) with the smallest squared error among candidates, each improved by least
// squares for the numbers that it gives; then the block's scale (and minimum), which its groups' factors (and
// offsets) multiply; then numbers again, with the steps that this leaves.
//
// All machines give the same bits. Numbers are finite.

#ifndef GEMMAC_CONTRACT_STOREBLOCKS_H
#define GEMMAC_CONTRACT_STOREBLOCKS_H

#include "contract/Scheme.h"

namespace gemmac {

void storeQ8Block(const float *numbers, uint8_t *stored);
void storeQ4Block(const float *numbers, uint8_t *stored);

/// One block of any quantized scheme but these two.
void storeFittedBlock(const SchemeRow &scheme, const float *numbers, uint8_t *stored);

} // namespace gemmac

#endif
