//===- Bounds.cpp - how much each pass may change what a model computes ---------------------------------===//
//
// Bounds are above what was measured on tiny models of all shapes, which have random weights: those lose more
// than trained ones. In brackets what examples/bard-e2b loses, which is trained.

#include "compiler/verify/Bounds.h"

#include "contract/Scheme.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>

namespace gemmac::verify {
namespace {

/// What one kind of rounding costs.
struct Cost {
  llvm::StringLiteral scheme;
  double relative;
};

/// Of weights, by the bits of a number: bfloat16; 8: up to 0.07 with q8_0; 4: 0.7 with q4_0 (0.007, 0.09).
constexpr double kHalves = 0.02, kEightBits = 0.15, kSixBits = 0.5, kFourBits = 1.0, kFewBits = 2.0;
/// Of keys and values: up to 0.0009 with f16, 0.006 with q8_0 (0.0001, 0.0008).
constexpr Cost kCaches[] = {{"f16", 0.003}, {"q8_0", 0.03}};
/// Of activations in blocks of int8; and of any other rounding before them, which turns some of theirs: up to
/// 0.04 (0.007).
constexpr double kActivations = 0.1;
/// Where a rounding makes the router choose another expert: up to 0.19.
constexpr double kOtherExpert = 0.4;
/// A value is rounded before its key's weight multiplies it, instead of behind.
constexpr double kReducedCaches = 1e-6;
/// One token's attention is rounded span by span before it is summed. Roundings behind it may turn.
constexpr double kSpans = 1e-5;

/// The most that a scheme named in `schemes`, alone or as `kind=scheme`, costs.
double costOf(llvm::ArrayRef<Cost> costs, llvm::StringRef schemes) {
  double most = 0;
  for (const Cost &cost : costs)
    if (schemes.contains(cost.scheme))
      most = std::max(most, cost.relative);
  return most;
}

double costOfWeights(const SchemeRow &row) {
  if (!row.quantized())
    return row.scheme == Scheme::f32 ? 0 : kHalves;
  int bits = row.numberBits();
  return bits >= 8 ? kEightBits : bits >= 6 ? kSixBits : bits >= 4 ? kFourBits : kFewBits;
}

} // namespace

std::vector<Bound> boundsOf(const PipelineOptions &options, bool routed) {
  std::optional<Scheme> scheme = findScheme(options.scheme);
  bool integers = !scheme || isQuantized(*scheme);
  auto after = [&](double rounding) {
    if (rounding == 0)
      return 0.0;
    return std::max({rounding, integers ? kActivations : 0, routed ? kOtherExpert : 0});
  };
  double weights = scheme ? costOfWeights(rowOf(*scheme)) : kFewBits,
         caches = costOf(kCaches, options.cacheScheme);
  return {{"gemma-reduce-caches", kReducedCaches},
          {"gemma-quantize-weights", weights && routed ? std::max(weights, kOtherExpert) : weights},
          {"gemma-quantize-activations", integers ? after(kActivations) : 0},
          {"gemma-quantize-kv-cache", after(caches)},
          {"convert-gemma-to-plan", integers ? after(kSpans) : std::max(kSpans, caches), /*oneToken=*/true}};
}

} // namespace gemmac::verify
