//===- SessionMemory.h - what a session takes, to the byte ----------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_SESSIONMEMORY_H
#define GEMMAC_RUNTIME_CORE_SESSIONMEMORY_H

#include <stddef.h>
#include <stdint.h>

namespace gemmac {

/// Bytes of a session's parts, each a multiple of kRegionAlignment. The compiler plans with the same numbers.
struct SessionMemory {
  uint64_t handle; ///< gemmac_session itself, with its pool
  uint64_t tokens; ///< a whole context
  uint64_t steps;  ///< position and last visible position of each token of a step
  uint64_t logits; ///< of one token
  uint64_t cache;
  uint64_t arena; ///< of steps, or scratch of encoder and sampler if that is more
  uint64_t text;  ///< what one token can show

  uint64_t total() const { return handle + tokens + steps + logits + cache + arena + text; }
};

/// What a model says about itself and its package, as far as sessions depend on it.
struct SessionFacts {
  uint32_t context, maxTokens, vocabSize;
  uint64_t arenaBytes, cacheBytes;
  uint32_t longestPiece; ///< bytes of a token's text
};

SessionMemory sessionMemory(const SessionFacts &facts);

/// Scratch of encoder and sampler: the part of the arena that they touch.
uint64_t samplingScratchBytes(uint32_t vocabSize);

/// What an emitted program has beside engine and session, as measured with glibc on x86-64: the C library's
/// and the program's own data, a heap of a few pages, the main thread's stack; and the stack of every further
/// thread.
inline constexpr uint64_t kProgramBytes = 128 << 10;
inline constexpr uint64_t kThreadBytes = 12 << 10;

} // namespace gemmac

#endif
