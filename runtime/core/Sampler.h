//===- Sampler.h - from logits to the tokens that may come next -----------------------------------------===//
//
// In this order, each on what the one before left:
//   1. repetition penalty: the logit of each token among the last ones is divided by the penalty if positive,
//   multiplied if negative; once a token
//   2. suppressed tokens: never chosen
//   3. temperature: logits are divided by it; 0 takes the best now
//   4. top-k: the k best
//   5. top-p: of these, as few of the best as have together at least p of the probability
//   6. min-p: of these, those with at least this fraction of the best one's probability
// What is left is the distribution; one of it is drawn by its probability (Distribution.h). Equal logits: the
// lower id is the better one. NaN counts as -inf. A draw takes one random number, also where only one token
// is left: the same seed gives the same text.

#ifndef GEMMAC_RUNTIME_CORE_SAMPLER_H
#define GEMMAC_RUNTIME_CORE_SAMPLER_H

#include "runtime/core/Distribution.h"

namespace gemmac {

/// The values here change nothing, and so are those of a model that gives none.
struct SamplerOptions {
  float temperature = 1.0f;       ///< >= 0; 0: greedy
  uint32_t topK = 0;              ///< 0: all
  float topP = 1.0f;              ///< (0, 1]
  float minP = 0.0f;              ///< [0, 1]
  float repetitionPenalty = 1.0f; ///< > 0
  const int32_t *suppressed = nullptr;
  size_t suppressedCount = 0;
};

class Sampler {
public:
  /// Memory that a sampler works in, aligned to 8. It may be used for other things between two calls.
  static size_t scratchBytes(uint32_t vocabSize) {
    const size_t bytes =
        size_t(vocabSize) * sizeof(Candidate) + blocks(vocabSize) * (sizeof(uint64_t) + sizeof(float));
    return (bytes + 7) / 8 * 8;
  }

  Sampler(const SamplerOptions &options, uint32_t vocabSize, void *scratch);

  /// What may come after `recentCount` ids, which the repetition penalty looks at. Changes the logits (steps
  /// 1 and 2). Empty only where every logit is -inf or NaN. Lies in the scratch memory.
  Distribution distribution(float *logits, const int32_t *recent, size_t recentCount) const;

private:
  static bool isBetter(const Candidate &a, const Candidate &b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  }

  /// Logits are looked through in blocks of 64: most of them are turned away by their best one.
  static constexpr uint32_t kBlock = 64;
  static size_t blocks(uint32_t vocabSize) { return (size_t(vocabSize) + kBlock - 1) / kBlock; }
  uint32_t blockEnd(size_t block) const {
    const uint32_t begin = uint32_t(block) * kBlock;
    return vocabSize - begin < kBlock ? vocabSize : begin + kBlock;
  }

  void findBlockBests(const float *logits) const;
  int32_t findBest(const float *logits) const;
  void penalize(float *logits, const int32_t *recent, size_t count) const;
  size_t keepTopK(const float *logits) const;
  size_t keepAbove(const float *logits, float lowest) const;
  size_t keepTopP(size_t count, float best) const;
  double weight(float logit, float best) const {
    return Distribution::weight(logit, best, options.temperature);
  }

  const SamplerOptions options;
  const uint32_t vocabSize;
  Candidate *const candidates;
  uint64_t *const seen;    // a bit a token
  float *const blockBests; // -inf where a block has no number above it
};

} // namespace gemmac

#endif
