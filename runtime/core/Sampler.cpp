#include "runtime/core/Sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace gemmac;

static constexpr float kMinusInfinity = -HUGE_VALF;

Sampler::Sampler(const SamplerOptions &options, uint32_t vocabSize, void *scratch)
    : options(options), vocabSize(vocabSize), candidates(static_cast<Candidate *>(scratch)),
      seen(reinterpret_cast<uint64_t *>(candidates + vocabSize)),
      blockBests(reinterpret_cast<float *>(seen + blocks(vocabSize))) {}

void Sampler::findBlockBests(const float *logits) const {
  // Lanes for vectors. Comparisons with NaN are false.
  constexpr uint32_t kLanes = 8;
  for (size_t block = 0; block < blocks(vocabSize); ++block) {
    const float *numbers = logits + block * kBlock;
    const uint32_t count = blockEnd(block) - uint32_t(block) * kBlock;
    float lanes[kLanes];
    for (float &lane : lanes)
      lane = kMinusInfinity;
    uint32_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
      for (uint32_t j = 0; j < kLanes; ++j)
        lanes[j] = numbers[i + j] > lanes[j] ? numbers[i + j] : lanes[j];
    for (; i < count; ++i)
      lanes[0] = numbers[i] > lanes[0] ? numbers[i] : lanes[0];
    for (float lane : lanes)
      lanes[0] = lane > lanes[0] ? lane : lanes[0];
    blockBests[block] = lanes[0];
  }
}

/// The lowest id of the best logit; -1 where nothing is above -inf.
int32_t Sampler::findBest(const float *logits) const {
  size_t bestBlock = 0;
  for (size_t block = 1; block < blocks(vocabSize); ++block)
    if (blockBests[block] > blockBests[bestBlock])
      bestBlock = block;
  if (blockBests[bestBlock] == kMinusInfinity)
    return -1;
  uint32_t id = uint32_t(bestBlock) * kBlock;
  while (logits[id] != blockBests[bestBlock])
    ++id;
  return int32_t(id);
}

void Sampler::penalize(float *logits, const int32_t *recent, size_t count) const {
  memset(seen, 0, blocks(vocabSize) * sizeof(uint64_t));
  for (size_t i = 0; i < count; ++i) {
    const uint32_t id = uint32_t(recent[i]);
    if (id >= vocabSize || (seen[id >> 6] >> (id & 63) & 1))
      continue;
    seen[id >> 6] |= uint64_t(1) << (id & 63);
    logits[id] =
        logits[id] > 0 ? logits[id] / options.repetitionPenalty : logits[id] * options.repetitionPenalty;
  }
}

// A heap of the k best, the worst of them on top, turns most logits away with one comparison.
size_t Sampler::keepTopK(const float *logits) const {
  size_t count = 0;
  for (size_t block = 0; block < blocks(vocabSize); ++block) {
    if (count == options.topK && !(blockBests[block] > candidates[0].logit))
      continue;
    for (uint32_t id = uint32_t(block) * kBlock; id < blockEnd(block); ++id) {
      const Candidate candidate = {logits[id], int32_t(id)};
      if (count == options.topK) {
        if (!(candidate.logit > candidates[0].logit))
          continue;
        std::pop_heap(candidates, candidates + count, isBetter);
        candidates[count - 1] = candidate;
      } else if (candidate.logit > kMinusInfinity) {
        candidates[count++] = candidate;
      } else {
        continue;
      }
      std::push_heap(candidates, candidates + count, isBetter);
    }
  }
  std::sort_heap(candidates, candidates + count, isBetter);
  return count;
}

size_t Sampler::keepAbove(const float *logits, float lowest) const {
  size_t count = 0;
  for (size_t block = 0; block < blocks(vocabSize); ++block)
    if (blockBests[block] >= lowest)
      for (uint32_t id = uint32_t(block) * kBlock; id < blockEnd(block); ++id)
        if (logits[id] > kMinusInfinity && logits[id] >= lowest)
          candidates[count++] = {logits[id], int32_t(id)};
  return count;
}

// Sorts only as many of the best as are needed, in steps that grow.
size_t Sampler::keepTopP(size_t count, float best) const {
  double total = 0, sum = 0;
  for (size_t i = 0; i < count; ++i)
    total += weight(candidates[i].logit, best);
  for (size_t sorted = 0, step = 256; sorted < count; step *= 8) {
    const size_t end = std::min(count, sorted + step);
    if (end != count)
      std::nth_element(candidates + sorted, candidates + end, candidates + count, isBetter);
    std::sort(candidates + sorted, candidates + end, isBetter);
    for (; sorted < end; ++sorted) {
      sum += weight(candidates[sorted].logit, best);
      if (sum >= double(options.topP) * total)
        return sorted + 1;
    }
  }
  return count;
}

Distribution Sampler::distribution(float *logits, const int32_t *recent, size_t recentCount) const {
  if (options.repetitionPenalty != 1.0f)
    penalize(logits, recent, recentCount);
  for (size_t i = 0; i < options.suppressedCount; ++i)
    if (uint32_t(options.suppressed[i]) < vocabSize)
      logits[options.suppressed[i]] = kMinusInfinity;

  findBlockBests(logits);
  const int32_t bestId = findBest(logits);
  if (bestId < 0)
    return {};
  const float best = logits[bestId];
  if (options.temperature <= 0 || best == HUGE_VALF)
    return Distribution::only(candidates, bestId);

  const bool topK = options.topK != 0 && options.topK < vocabSize, topP = options.topP < 1;
  const bool all = topP || options.minP <= 0;
  const float lowest =
      all ? kMinusInfinity : float(best + std::log(double(options.minP)) * options.temperature);
  size_t count = topK ? keepTopK(logits) : keepAbove(logits, lowest);
  if (topP)
    count = keepTopP(count, best);
  // Those kept by top-k and top-p are sorted, so the last ones go.
  if (topK || topP)
    while (count > 1 && weight(candidates[count - 1].logit, best) < double(options.minP))
      --count;
  return Distribution(candidates, count, best, options.temperature);
}
