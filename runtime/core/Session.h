//===- Session.h - one text in progress -----------------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_SESSION_H
#define GEMMAC_RUNTIME_CORE_SESSION_H

#include "runtime/core/Sampler.h"
#include "runtime/core/Worker.h"
#include "runtime/tokenizer/Decoder.h"

#include <atomic>

struct gemmac_session {
  const gemmac_engine *engine;
  gemmac::Region region;
  gemmac_worker *worker; ///< that runs its calls
  gemmac_worker *own;    ///< that lies in its memory; null: it has been opened for another one
  mutable gemmac_error error;
  std::atomic<bool> cancelled;

  // Tokens 0 … length - 1 are held, 0 … position - 1 of them have been run.
  int32_t *tokens; ///< context of them
  uint32_t length, position;
  uint32_t written; ///< the cache has been written to up to here: position, or more if the text was cut
  float *logits;    ///< of the token at position - 1, if logitsReady
  bool logitsReady;
  uint8_t *cache;

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

  /// The least number of run tokens, but none at all, that it can be cut back to.
  uint32_t earliest() const;
  gemmac_status truncate(uint32_t tokens);
  gemmac_status copyFrom(const gemmac_session &other);

  /// Runs held tokens up to `end` by prefill steps.
  gemmac_status prefillTo(uint32_t end, uint32_t chunk);
  /// Runs all held tokens: prefill of all but the last, decode of the last.
  gemmac_status advance(uint32_t chunk);
  /// Runs all held tokens by score steps.
  gemmac_status score(uint32_t chunk, float *out);
  gemmac_status generate(const gemmac_generation &generation, gemmac_result &result);
  /// What a call that ran steps returns, if this is what they came to: a cancel that has come belongs to it.
  gemmac_status endCall(gemmac_status status);

  /// Runs any entry of the model on `count` tokens that stand at `position`, which does not change.
  void run(const gemmac_entry &entry, uint32_t count, const void *const *inputs, void *const *outputs);

private:
  /// Runs the next `count` tokens that are held.
  void step(const gemmac::TextEntry &entry, uint32_t count, float *logits);
  gemmac_status stopIfCancelled();
  /// Samples, holds and shows tokens until there is a reason to finish, which is then in the result.
  gemmac_status generateTokens(const gemmac_generation &generation, gemmac::StreamDecoder &decoder,
                               gemmac_result &result);
  bool isStop(const gemmac_generation &generation, int32_t id) const;
};

namespace gemmac {

/// What a caller and the model want of the next token, as the sampler takes it.
SamplerOptions samplerOptions(const gemmac_engine &engine, const gemmac_sampling &sampling);

} // namespace gemmac

#endif
