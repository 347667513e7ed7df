//===- Results.h - what a module computes from a sequence, in every cut ---------------------------------===//

#ifndef GEMMAC_COMPILER_VERIFY_RESULTS_H
#define GEMMAC_COMPILER_VERIFY_RESULTS_H

#include "compiler/reference/Runner.h"
#include "compiler/verify/PassProof.h"

namespace gemmac::verify {

/// The logits of one cut of the sequence.
struct Cut {
  std::string entry; ///< "score", "decode"
  std::string how;   ///< "in calls of 16 tokens"; of `decode`, "after" those of the prefill
  int64_t first;     ///< position of the first row
  reference::Array logits;

  bool oneToken() const { return entry == "decode"; }
};

/// Runs every cut that the module's functions allow. On failure `deviation` says which entry, how and why.
std::optional<std::vector<Cut>> runEveryCut(reference::Runner &runner, const ProofOptions &options,
                                            Deviation &deviation);

/// Root mean square of a - b over that of b; infinity where shapes differ or only one number is none.
double relativeError(const reference::Array &a, const reference::Array &b);

/// How `cut` differs from `before`, which has its rows too.
Deviation compare(const Cut &cut, const Cut &before, double bound);

} // namespace gemmac::verify

#endif
