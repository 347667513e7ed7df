//===- Sampler.h - choosing the next token --------------------------------------------------------------===//
//
// In this order, each on what the one before left:
//   1. repetition penalty: the logit of each token among the last ones is divided by the penalty if positive,
//   multiplied if negative; once a token
//   2. suppressed tokens: never chosen
//   3. temperature: logits are divided by it; 0 takes the best now
//   4. top-k: the k best
//   5. top-p: of these, as few of the best as have together at least p of the probability
//   6. min-p: of these, those with at least this fraction of the best one's probability
//   7. one of the rest by its probability
// Equal logits: the lower id is the better one. NaN counts as -inf. The random numbers are PCG32 (XSH RR
// 64/32, O'Neill 2014), one draw a token, also where only one token is left: the same seed gives the same
// text.

#ifndef GEMMAC_RUNTIME_CORE_SAMPLER_H
#define GEMMAC_RUNTIME_CORE_SAMPLER_H

#include <cstddef>
#include <cstdint>

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
  uint64_t seed = 0;
};

class Pcg32 {
public:
  explicit Pcg32(uint64_t seed) {
    next();
    state += seed;
    next();
  }
  uint32_t next() {
    const uint64_t old = state;
    state = old * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t shifted = uint32_t(((old >> 18) ^ old) >> 27), turn = uint32_t(old >> 59);
    return shifted >> turn | shifted << (-turn & 31);
  }
  /// In [0, 1).
  double uniform() { return next() * (1.0 / 4294967296.0); }

private:
  uint64_t state = 0;
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

  /// The token after `recentCount` ids that the repetition penalty looks at. Changes the logits (steps 1 and
  /// 2). Returns -1 only where every logit is -inf or NaN.
  int32_t sample(float *logits, const int32_t *recent, size_t recentCount);

private:
  struct Candidate {
    float logit;
    int32_t id;
  };
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

  void findBlockBests(const float *logits);
  int32_t findBest(const float *logits) const;
  void penalize(float *logits, const int32_t *recent, size_t count);
  size_t keepTopK(const float *logits);
  size_t keepAbove(const float *logits, float lowest);
  size_t keepTopP(size_t count, double total, float best);
  double weight(float logit, float best) const;
  int32_t drawFromAll(const float *logits, float best);

  const SamplerOptions options;
  const uint32_t vocabSize;
  Candidate *const candidates;
  uint64_t *const seen;    // a bit a token
  float *const blockBests; // -inf where a block has no number above it
  Pcg32 random;
};

} // namespace gemmac

#endif
