#include "runtime/core/SessionMemory.h"

#include "runtime/core/Region.h"
#include "runtime/core/Sampler.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Encoder.h"

namespace gemmac {

static uint64_t aligned(uint64_t bytes) {
  // More than any machine has stays that, and the sum of all parts fits.
  const uint64_t most = UINT64_MAX / 16;
  return bytes > most ? most : (bytes + kRegionAlignment - 1) / kRegionAlignment * kRegionAlignment;
}

static uint64_t larger(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

uint64_t samplingScratchBytes(uint32_t vocabSize) {
  return larger(Encoder::kScratchBytes, Sampler::scratchBytes(vocabSize));
}

WorkerMemory workerMemory(const SessionFacts &facts, uint32_t pointerBytes) {
  // A distribution is made of a copy of the logits.
  uint64_t scratch = larger(samplingScratchBytes(facts.vocabSize),
                            Sampler::scratchBytes(facts.vocabSize) + facts.vocabSize * sizeof(float));
  return {handleBytes(pointerBytes).worker, aligned(2 * uint64_t{facts.maxTokens} * sizeof(int32_t)),
          aligned(larger(facts.arenaBytes, scratch)),
          aligned(StreamDecoder::mostBytesOf(facts.longestPiece))};
}

SessionMemory sessionMemory(const SessionFacts &facts, uint32_t pointerBytes) {
  return {handleBytes(pointerBytes).session, aligned(uint64_t{facts.context} * sizeof(int32_t)),
          aligned(uint64_t{facts.vocabSize} * sizeof(float)), aligned(facts.cacheBytes)};
}

} // namespace gemmac
