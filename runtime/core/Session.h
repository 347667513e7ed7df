//===- Session.h - one text in progress -----------------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_SESSION_H
#define GEMMAC_RUNTIME_CORE_SESSION_H

#include "runtime/core/Engine.h"
#include "runtime/core/SessionMemory.h"
#include "runtime/threads/ThreadPool.h"
#include "runtime/tokenizer/Decoder.h"

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
  int32_t *positions, *visible; ///< of the tokens of a step: where they stand, and the last that they see
  float *logits;                ///< of the token at position - 1, if logitsReady
  bool logitsReady;
  uint8_t *cache;
  uint8_t *arena; ///< of steps; between them scratch of encoder and sampler
  char *text;     ///< what one token can show

  static gemmac::SessionMemory memoryOf(const gemmac_engine &engine);
  /// Parts out of the memory that begins with the gemmac_session.
  void layOut(void *begin, const gemmac::SessionMemory &bytes);
  void reset();

  /// Appends ids after checking them and their number.
  gemmac_status checkIds(const int32_t *ids, size_t count, const char *what);
  gemmac_status append(const int32_t *ids, size_t count, const char *what);
  /// Forgets what was appended after the first `held` tokens and has not been run.
  void takeBack(uint32_t held);
  gemmac_status checkChunk(uint32_t &chunk);

  /// Runs held tokens up to `end` by prefill steps.
  gemmac_status prefillTo(uint32_t end, uint32_t chunk);
  /// Runs all held tokens: prefill of all but the last, decode of the last.
  gemmac_status advance(uint32_t chunk);
  /// Runs all held tokens by score steps.
  gemmac_status score(uint32_t chunk, float *out);
  gemmac_status generate(const gemmac_generation &generation, gemmac_result &result);

  /// Runs any entry of the model on `count` tokens that stand at `position`, which does not change.
  void run(const gemmac_entry &entry, uint32_t count, const void *const *inputs, void *const *outputs);

private:
  /// Runs the next `count` tokens that are held.
  void step(const gemmac::TextEntry &entry, uint32_t count, float *logits);
  gemmac_status stopIfCancelled();
  /// Samples, holds and shows tokens until there is a reason to finish.
  gemmac_status generateTokens(const gemmac_generation &generation, gemmac::StreamDecoder &decoder,
                               gemmac_result &result);
  bool isStop(const gemmac_generation &generation, int32_t id) const;
};

#endif
