//===- Bounds.h - how much each pass may change what a model computes -----------------------------------===//

#ifndef GEMMAC_COMPILER_VERIFY_BOUNDS_H
#define GEMMAC_COMPILER_VERIFY_BOUNDS_H

#include "passes/Pipeline.h"

#include <string>
#include <vector>

namespace gemmac::verify {

/// A pass whose results may differ from those before it. Passes without a bound change no bit.
struct Bound {
  std::string pass;      ///< its flag: "gemma-quantize-weights"
  double relative = 0;   ///< root mean square of the difference, over that of the results before
  bool oneToken = false; ///< holds for calls of one token (`decode`); all others change no bit
};

/// The bounds of the pipeline with these options. `routed`: the model chooses experts, and a rounding may
/// make it choose others.
std::vector<Bound> boundsOf(const PipelineOptions &options, bool routed);

} // namespace gemmac::verify

#endif
