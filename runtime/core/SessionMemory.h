//===- SessionMemory.h - what handles take, to the byte -------------------------------------------------===//
//
// Of the machine that runs the model: pointers may have another width where it is compiled. The compiler
// plans with the same numbers.

#ifndef GEMMAC_RUNTIME_CORE_SESSIONMEMORY_H
#define GEMMAC_RUNTIME_CORE_SESSIONMEMORY_H

#include <stddef.h>
#include <stdint.h>

namespace gemmac {

/// Bytes of the types behind the handles, in multiples of kRegionAlignment. A static_assert beside each type
/// compares it with its number wherever the runtime is compiled.
struct HandleBytes {
  uint32_t engine, worker, session;
};
constexpr HandleBytes handleBytes(uint32_t pointerBytes) {
  return pointerBytes == 4 ? HandleBytes{256, 4416, 576} : HandleBytes{384, 4416, 640};
}
template <typename Handle>
constexpr bool has(uint32_t bytes) {
  return (sizeof(Handle) + 63) / 64 * 64 == bytes;
}

/// Bytes of a worker's parts, each a multiple of kRegionAlignment.
struct WorkerMemory {
  uint64_t handle; ///< gemmac_worker itself, with its pool
  uint64_t steps;  ///< position and last visible position of each token of a step
  uint64_t arena;  ///< of steps, or scratch of encoder and sampler if that is more
  uint64_t text;   ///< what one token can show

  uint64_t total() const { return handle + steps + arena + text; }
};

/// Bytes of a session's parts, each a multiple of kRegionAlignment.
struct SessionMemory {
  uint64_t handle; ///< gemmac_session itself
  uint64_t tokens; ///< a whole context
  uint64_t logits; ///< of one token
  uint64_t cache;

  uint64_t total() const { return handle + tokens + logits + cache; }
};

/// What a model says about itself and its package, as far as workers and sessions depend on it.
struct SessionFacts {
  uint32_t context, maxTokens, vocabSize;
  uint64_t arenaBytes, cacheBytes;
  uint32_t longestPiece; ///< bytes of a token's text
};

WorkerMemory workerMemory(const SessionFacts &facts, uint32_t pointerBytes);
SessionMemory sessionMemory(const SessionFacts &facts, uint32_t pointerBytes);

/// Scratch of encoder and generation: the part of the arena that they touch.
uint64_t samplingScratchBytes(uint32_t vocabSize);

/// What an emitted program has beside its handles, as measured with glibc on x86-64: the C library's and the
/// program's own data, a heap of a few pages, the main thread's stack; and the stack of every further thread.
inline constexpr uint64_t kProgramBytes = 128 << 10;
inline constexpr uint64_t kThreadBytes = 12 << 10;

} // namespace gemmac

#endif
