//===- SamplingRules.h - what sampling may be asked for -------------------------------------------------===//
//
// Packages and calls are held to the same rules, and the compiler writes nothing that they refuse.

#ifndef GEMMAC_RUNTIME_FORMAT_SAMPLINGRULES_H
#define GEMMAC_RUNTIME_FORMAT_SAMPLINGRULES_H

#include <float.h>

namespace gemmac::format {

// Written so that a NaN fails.
constexpr bool isTemperature(float value) {
  return value >= 0 && value <= FLT_MAX;
}
constexpr bool isFraction(float value) {
  return value >= 0 && value <= 1;
} ///< top_p, min_p
constexpr bool isRepetitionPenalty(float value) {
  return value > 0 && value <= FLT_MAX;
}

} // namespace gemmac::format

#endif
