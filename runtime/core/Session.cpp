#include "runtime/core/Session.h"

#include "runtime/core/Status.h"

#include <string.h>

using namespace gemmac;

static_assert(has<gemmac_session>(handleBytes(sizeof(void *)).session), "the compiler plans with its size");

SessionMemory gemmac_session::memoryOf(const gemmac_engine &engine) {
  return sessionMemory(factsOf(engine), sizeof(void *));
}

void gemmac_session::layOut(void *begin, const SessionMemory &bytes) {
  uint8_t *at = static_cast<uint8_t *>(begin) + bytes.handle;
  tokens = reinterpret_cast<int32_t *>(at);
  logits = reinterpret_cast<float *>(at += bytes.tokens);
  cache = at + bytes.logits;
}

void gemmac_session::reset() {
  length = position = written = 0;
  logitsReady = false;
  cancelled = false;
}

// ---- Cutting back and copying

// Behind the ring's length, only the last `rewind` tokens that were ever written can be taken back.
uint32_t gemmac_session::earliest() const {
  const gemmac_model &code = *engine->code;
  return written <= code.ring ? 0 : written - code.rewind;
}

gemmac_status gemmac_session::truncate(uint32_t count) {
  if (count > length)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "the session holds %u tokens and cannot be cut to %u",
                length, count);
  if (count && count < position && count < earliest())
    return fail(
        &error, GEMMAC_OVERWRITTEN,
        "what the token after the first %u would see is overwritten: %u to %u tokens, or 0, can be kept",
        count, earliest(), length);
  length = count;
  if (count < position) {
    position = count;
    logitsReady = false;
  }
  if (count == 0)
    written = 0; // nothing of what is there will be seen
  return GEMMAC_OK;
}

/// Pages that are equal already are not written to: those that nobody has touched remain so.
static void copyPages(uint8_t *to, const uint8_t *from, uint64_t bytes) {
  constexpr uint64_t kPage = 4096;
  for (uint64_t at = 0; at < bytes; at += kPage) {
    const size_t count = bytes - at < kPage ? bytes - at : kPage;
    if (memcmp(to + at, from + at, count) != 0)
      memcpy(to + at, from + at, count);
  }
}

gemmac_status gemmac_session::copyFrom(const gemmac_session &other) {
  if (other.engine != engine)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "the sessions are of two engines");
  if (&other == this)
    return GEMMAC_OK;
  copyPages(cache, other.cache, engine->code->cache_bytes);
  memcpy(tokens, other.tokens, other.length * sizeof(int32_t));
  if (other.logitsReady)
    memcpy(logits, other.logits, engine->code->vocab_size * sizeof(float));
  length = other.length;
  position = other.position;
  written = other.written;
  logitsReady = other.logitsReady;
  return GEMMAC_OK;
}

// ---- Running

gemmac_status gemmac_session::checkIds(const int32_t *ids, size_t count, const char *what) {
  uint32_t vocab = engine->code->vocab_size;
  for (size_t i = 0; i < count; ++i)
    if (ids[i] < 0 || static_cast<uint32_t>(ids[i]) >= vocab)
      return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: id %d at %zu is outside the vocabulary, 0 to %u",
                  what, ids[i], i, vocab - 1);
  return GEMMAC_OK;
}

gemmac_status gemmac_session::append(const int32_t *ids, size_t count, const char *what) {
  if (count == 0)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s has no tokens", what);
  if (!ids)
    return fail(&error, GEMMAC_INVALID_ARGUMENT, "%s: ids are null", what);
  if (gemmac_status status = checkIds(ids, count, what))
    return status;
  uint32_t context = engine->code->context;
  if (count > context - length)
    return fail(&error, GEMMAC_CONTEXT_FULL,
                "%s has %zu tokens, and %u of the context's %u positions are free", what, count,
                context - length, context);
  memcpy(tokens + length, ids, count * sizeof(int32_t));
  length += static_cast<uint32_t>(count);
  return GEMMAC_OK;
}

void gemmac_session::takeBack(uint32_t held) {
  length = position > held ? position : held;
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
  return fail(&error, GEMMAC_CANCELLED, "cancelled after %u tokens", position);
}

gemmac_status gemmac_session::endCall(gemmac_status status) {
  if (!status)
    return stopIfCancelled();
  cancelled = false;
  return status;
}

void gemmac_session::run(const gemmac_entry &entry, uint32_t count, const void *const *inputs,
                         void *const *outputs) {
  if (written < position + count)
    written = position + count;
  worker->run(entry, cache, position, count, inputs, outputs);
}

void gemmac_session::step(const TextEntry &text, uint32_t count, float *out) {
  int32_t *positions = worker->positions, *visible = worker->visible;
  for (uint32_t i = 0; i < count; ++i)
    positions[i] = visible[i] = static_cast<int32_t>(position + i);
  const void *const known[TextEntry::kInputs] = {tokens + position, positions, visible};
  const void *inputs[TextEntry::kInputs];
  for (uint32_t i = 0; i < text.entry->input_count; ++i)
    inputs[i] = known[text.inputs[i]];
  void *const outputs[] = {out};
  run(*text.entry, count, inputs, outputs);
  position += count;
}

gemmac_status gemmac_session::prefillTo(uint32_t end, uint32_t chunk) {
  while (position < end) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    logitsReady = false;
    uint32_t left = end - position;
    step(engine->prefill, left < chunk ? left : chunk, nullptr);
  }
  return GEMMAC_OK;
}

gemmac_status gemmac_session::advance(uint32_t chunk) {
  if (gemmac_status status = prefillTo(length - 1, chunk))
    return status;
  if (gemmac_status status = stopIfCancelled())
    return status;
  step(engine->decode, 1, logits);
  logitsReady = true;
  return GEMMAC_OK;
}

gemmac_status gemmac_session::score(uint32_t chunk, float *out) {
  uint64_t vocab = engine->code->vocab_size;
  while (position < length) {
    if (gemmac_status status = stopIfCancelled())
      return status;
    uint32_t left = length - position, count = left < chunk ? left : chunk;
    step(engine->score, count, out);
    out += count * vocab;
    memcpy(logits, out - vocab, vocab * sizeof(float));
    logitsReady = true;
  }
  return GEMMAC_OK;
}

bool gemmac_session::isStop(const gemmac_generation &generation, int32_t id) const {
  if (generation.ignore_stop)
    return false;
  for (int32_t stop : *engine->package.metadata().generation()->stop())
    if (stop == id)
      return true;
  for (size_t i = 0; i < generation.stop_count; ++i)
    if (generation.stop[i] == id)
      return true;
  return false;
}

SamplerOptions gemmac::samplerOptions(const gemmac_engine &engine, const gemmac_sampling &sampling) {
  const format::Generation &defaults = *engine.package.metadata().generation();
  SamplerOptions options;
  options.temperature = sampling.temperature;
  options.topK = sampling.top_k;
  options.topP = sampling.top_p;
  options.minP = sampling.min_p;
  options.repetitionPenalty = sampling.repetition_penalty;
  options.suppressed = defaults.suppress()->data();
  options.suppressedCount = defaults.suppress()->size();
  return options;
}

gemmac_status gemmac_session::generateTokens(const gemmac_generation &generation, StreamDecoder &decoder,
                                             gemmac_result &result) {
  const Sampler sampler(samplerOptions(*engine, generation.sampling), engine->code->vocab_size,
                        worker->arena);
  Pcg32 random(generation.sampling.seed);

  while (true) {
    result.finish = GEMMAC_FINISH_LENGTH;
    if (generation.max_tokens && result.tokens == generation.max_tokens)
      return GEMMAC_OK;
    result.finish = GEMMAC_FINISH_CONTEXT;
    if (length == engine->code->context)
      return GEMMAC_OK;
    if (position < length)
      if (gemmac_status status = advance(1))
        return status;
    if (gemmac_status status = stopIfCancelled())
      return status;
    // The sampler changes logits, and the token that comes next is then known.
    logitsReady = false;
    int32_t id = sampler.distribution(logits, tokens, length).draw(random);
    result.finish = GEMMAC_FINISH_BAD_LOGITS;
    if (id < 0)
      return fail(&error, GEMMAC_BAD_LOGITS, "after %u tokens every logit is suppressed or not a number",
                  length);
    tokens[length++] = id;
    result.finish = GEMMAC_FINISH_STOP;
    if (isStop(generation, id))
      return GEMMAC_OK;
    ++result.tokens;
    result.finish = GEMMAC_FINISH_CALLBACK;
    size_t bytes = decoder.push(id, worker->text);
    if (generation.on_token && generation.on_token(generation.user, id, worker->text, bytes))
      return GEMMAC_OK;
  }
}

gemmac_status gemmac_session::generate(const gemmac_generation &generation, gemmac_result &result) {
  if (position == length && !logitsReady) {
    // The last token is run once more for its logits, which takes what it sees.
    if (length == 0 || (length > 1 && length - 1 < earliest()))
      return fail(&error, GEMMAC_NO_PROMPT, "there are no logits to generate from: give a prompt first");
    --position;
  }
  result = {};
  StreamDecoder decoder(engine->vocabulary, true);
  gemmac_status status = generateTokens(generation, decoder, result);
  size_t bytes = decoder.finish(worker->text);
  if (bytes && generation.on_token && result.finish != GEMMAC_FINISH_CALLBACK)
    generation.on_token(generation.user, -1, worker->text, bytes);
  status = endCall(status);
  if (status == GEMMAC_CANCELLED)
    result.finish = GEMMAC_FINISH_CANCELLED;
  return status;
}
