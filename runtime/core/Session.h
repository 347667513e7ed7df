//===- Session.h - one text in progress
//----------------------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_SESSION_H
#define GEMMAC_RUNTIME_CORE_SESSION_H

#include "runtime/core/Engine.h"
#include "runtime/core/ThreadPool.h"

#include <atomic>

struct gemmac_session {
  const gemmac_engine *engine;
  gemmac::Region region;
  gemmac::ThreadPool pool;
  mutable gemmac_error error;
  std::atomic<bool> cancelled;

  // Tokens 0 … length - 1 are held, 0 … position - 1 of them have been run.
  int32_t *tokens; ///< context of them
  uint32_t length, position;
  float *logits; ///< of the token at position - 1, if logitsReady
  bool logitsReady;
  uint8_t *arena, *cache;

  /// Takes this session's parts out of its region; over null memory it counts them.
  void layOut(gemmac::Carver &carver, const gemmac_engine &engine);
  void reset();

  /// Appends ids after checking them and their number.
  gemmac_status append(const int32_t *ids, size_t count, const char *what);
  gemmac_status checkChunk(uint32_t &chunk);

  /// Runs held tokens up to `end` by prefill steps; on cancel those that were not run are forgotten.
  gemmac_status prefillTo(uint32_t end, uint32_t chunk);
  /// Runs all held tokens: prefill of all but the last, decode of the last.
  gemmac_status advance(uint32_t chunk);
  gemmac_status score(uint32_t chunk, float *out);
  gemmac_status generate(const gemmac_generation &generation, gemmac_result &result);

private:
  void step(void (*entry)(const gemmac_step *), uint32_t count, float *logits);
  gemmac_status stopIfCancelled();
};

#endif
