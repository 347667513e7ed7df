#include "runtime/core/Session.h"

#include "runtime/core/Status.h"

#include <string.h>

using namespace gemmac;

void gemmac_session::layOut(Carver &carver, const gemmac_engine &of) {
  tokens = carver.take<int32_t>(of.code->context);
  logits = carver.take<float>(of.code->vocab_size);
  cache = carver.take<uint8_t>(of.code->cache_bytes);
  arena = carver.take<uint8_t>(of.code->arena_bytes);
}

void gemmac_session::reset() {
  length = position = 0;
  logitsReady = false;
  cancelled = false;
}

gemmac_status gemmac_session::append(const int32_t *ids, size_t count, const char *what) {
  if (count == 0)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s has no tokens", what);
  if (!ids)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: ids are null", what);
  uint32_t vocab = engine->code->vocab_size, context = engine->code->context;
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || static_cast<uint32_t>(ids[i]) >= vocab)
      return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: id %d at %zu is outside the vocabulary, 0 to %u",
                  what, ids[i], i, vocab - 1);
  if (count > context - length)
    return fail(&error, GEMMAC_CONTEXT_FULL,
                "%s has %zu tokens, and %u of the context's %u positions are free", what, count,
                context - length, context);
  memcpy(tokens + length, ids, count * sizeof(int32_t));
  length += static_cast<uint32_t>(count);
  return GEMMAC_OK;
}

gemmac_status gemmac_session::checkChunk(uint32_t &chunk) {
  uint32_t most = engine->code->max_tokens;
  if (chunk > most)
    return fail(&error, GEMMAC_INVALID_ARGUMENT,
                "chunks of %u tokens are more than this model takes: 1 to %u", chunk, most);
  if (chunk == 0)
    chunk = most;
  return GEMMAC_OK;
}

gemmac_status gemmac_session::stopIfCancelled() {
  if (!cancelled.exchange(false))
    return GEMMAC_OK;
  length = position;
  return fail(&error, GEMMAC_CANCELLED, "cancelled after %u tokens", position);
}

void gemmac_session::step(void (*entry)(const gemmac_step *), uint32_t count, float *out) {
  gemmac_step step = {};
  step.weights = engine->package.tensors();
  step.arena = arena;
  step.cache = cache;
  step.tokens = tokens + position;
  step.count = count;
  step.position = position;
  step.logits = out;
  step.parallel = ThreadPool::parallel;
  step.pool = &pool;
  entry(&step);
  position += count;
}

gemmac_status gemmac_session::prefillTo(uint32_t end, uint32_t chunk) {
  while (position < end) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    logitsReady = false;
    uint32_t left = end - position;
    step(engine->code->prefill, left < chunk ? left : chunk, nullptr);
  }
  return GEMMAC_OK;
}

gemmac_status gemmac_session::advance(uint32_t chunk) {
  if (gemmac_status status = prefillTo(length - 1, chunk))
    return status;
  if (gemmac_status status = stopIfCancelled())
    return status;
  step(engine->code->decode, 1, logits);
  logitsReady = true;
  return GEMMAC_OK;
}

gemmac_status gemmac_session::score(uint32_t chunk, float *out) {
  uint64_t vocab = engine->code->vocab_size;
  while (position < length) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    uint32_t left = length - position, count = left < chunk ? left : chunk;
    step(engine->code->score, count, out);
    out += count * vocab;
    memcpy(logits, out - vocab, vocab * sizeof(float));
    logitsReady = true;
  }
  return GEMMAC_OK;
}
