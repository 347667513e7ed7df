//===- HoldingScheme.h - the scheme of ours that holds the numbers of a file ----------------------------===//

#ifndef GEMMAC_CONTRACT_HOLDINGSCHEME_H
#define GEMMAC_CONTRACT_HOLDINGSCHEME_H

#include "contract/Scheme.h"

namespace gemmac {

/// The scheme for weights that a file stores as `stored` ("q4_k", "f16", "iq3_s"): the same; or one in which
/// each number is the same product of a scale, a factor and an integer; or the narrowest that loses nothing
/// measurable: blocks of 32 with eight bits have a finer step than any block of fewer bits.
Scheme schemeHolding(std::string_view stored);

} // namespace gemmac

#endif
