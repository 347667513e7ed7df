//===- Distribution.h - the tokens that may come next, and drawing one of them --------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_DISTRIBUTION_H
#define GEMMAC_RUNTIME_CORE_DISTRIBUTION_H

#include <cstddef>
#include <cstdint>

namespace gemmac {

/// PCG32: XSH RR 64/32, O'Neill 2014.
class Pcg32 {
public:
  explicit Pcg32(uint64_t seed) {
    next();
    state_ += seed;
    next();
  }
  /// Goes on from where `state` was read.
  static Pcg32 at(uint64_t state) {
    Pcg32 random(0);
    random.state_ = state;
    return random;
  }
  uint64_t state() const { return state_; }

  uint32_t next() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t shifted = uint32_t(((old >> 18) ^ old) >> 27), turn = uint32_t(old >> 59);
    return shifted >> turn | shifted << (-turn & 31);
  }
  /// In [0, 1).
  double uniform() { return next() * (1.0 / 4294967296.0); }

private:
  uint64_t state_ = 0;
};

struct Candidate {
  float logit;
  int32_t id;
};

/// A view of candidates: each is as likely as its logit says at this temperature, all others are out.
class Distribution {
public:
  /// No token at all.
  Distribution() = default;
  /// This token and no other.
  static Distribution only(Candidate *room, int32_t id) {
    *room = {0, id};
    return Distribution(room, 1, 0, 1);
  }
  /// `best` is the largest of the logits; temperature > 0.
  Distribution(const Candidate *candidates, size_t count, float best, float temperature);

  size_t size() const { return count; }
  int32_t id(size_t index) const { return candidates[index].id; }
  double probability(size_t index) const {
    return weight(candidates[index].logit, best, temperature) / total;
  }

  /// One of the tokens, by one random number; -1 if there is none.
  int32_t draw(Pcg32 &random) const;

  /// How likely a logit is, relative to the best one.
  static double weight(float logit, float best, float temperature);

private:
  const Candidate *candidates = nullptr;
  size_t count = 0;
  float best = 0, temperature = 1;
  double total = 0; ///< of all weights
};

} // namespace gemmac

#endif
