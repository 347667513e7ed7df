//===- BlockParts.h - the order of bits in stored blocks ------------------------------------------------===//
//
// For each format of blocks a function that takes a stored block apart and one that puts it together: the
// order of bits is that of GGUF files, as the specification of the family describes in "Block formats". Both
// keep every bit, except that q2_k … q5_k store the minimum as a positive number that is subtracted, and
// BlockParts has its negative.

#ifndef GEMMAC_CONTRACT_BLOCKPARTS_H
#define GEMMAC_CONTRACT_BLOCKPARTS_H

#include "contract/Scheme.h"

namespace gemmac {

/// The values of the 16 numbers of iq4_nl and iq4_xs.
extern const int8_t kUnevenValues[16];

void splitQ8_0(const uint8_t *stored, BlockParts &parts);
void splitQ4_0(const uint8_t *stored, BlockParts &parts); ///< iq4_nl too
void splitQ4_1(const uint8_t *stored, BlockParts &parts);
void splitQ5_0(const uint8_t *stored, BlockParts &parts);
void splitQ5_1(const uint8_t *stored, BlockParts &parts);
void splitQ2_K(const uint8_t *stored, BlockParts &parts);
void splitQ3_K(const uint8_t *stored, BlockParts &parts);
void splitQ4_K(const uint8_t *stored, BlockParts &parts);
void splitQ5_K(const uint8_t *stored, BlockParts &parts);
void splitQ6_K(const uint8_t *stored, BlockParts &parts);
void splitIQ4_XS(const uint8_t *stored, BlockParts &parts);

void joinQ8_0(const BlockParts &parts, uint8_t *stored);
void joinQ4_0(const BlockParts &parts, uint8_t *stored);
void joinQ4_1(const BlockParts &parts, uint8_t *stored);
void joinQ5_0(const BlockParts &parts, uint8_t *stored);
void joinQ5_1(const BlockParts &parts, uint8_t *stored);
void joinQ2_K(const BlockParts &parts, uint8_t *stored);
void joinQ3_K(const BlockParts &parts, uint8_t *stored);
void joinQ4_K(const BlockParts &parts, uint8_t *stored);
void joinQ5_K(const BlockParts &parts, uint8_t *stored);
void joinQ6_K(const BlockParts &parts, uint8_t *stored);
void joinIQ4_XS(const BlockParts &parts, uint8_t *stored);

} // namespace gemmac

#endif
