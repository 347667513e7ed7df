// The C API of calls that a worker runs: text, prompts, sampling. It checks what comes from outside.

#include "runtime/core/Session.h"
#include "runtime/core/Status.h"
#include "runtime/format/SamplingRules.h"
#include "runtime/tokenizer/Encoder.h"

#include <string.h>

using namespace gemmac;

/// The status of a call that finds the session's worker with another call.
static gemmac_status busy(const gemmac_session *session) {
  // If it is a call of this session, that one may be writing the message.
  if (session->worker->serves.load() == session)
    return GEMMAC_BUSY;
  return fail(&session->error, GEMMAC_BUSY, "the worker runs a call of another session");
}

// ---- Text

gemmac_status gemmac_tokenize(gemmac_session *session, const char *text, size_t bytes, uint32_t flags,
                              int32_t *ids, size_t capacity, size_t *count) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if ((!text && bytes) || (!ids && capacity) || !count)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_tokenize: %s is null",
                !count           ? "count"
                : !text && bytes ? "text"
                                 : "ids");
  if (flags & ~(GEMMAC_ADD_BOS | GEMMAC_PLAIN))
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_tokenize: flags %#x are unknown", flags);
  const Vocabulary &vocabulary = session->engine->vocabulary;
  EncodeOptions options;
  options.plain = flags & GEMMAC_PLAIN;
  options.bos = (flags & GEMMAC_ADD_BOS) && vocabulary.addBos() &&
                (options.plain || !vocabulary.beginsWithBos(reinterpret_cast<const uint8_t *>(text), bytes));
  Engagement engaged(*session->worker, *session);
  if (!engaged)
    return busy(session);
  Encoder encoder(vocabulary, session->worker->arena);
  // Counted first: what fails, or does not fit, writes nothing. Encoding twice takes less time than a token.
  if (!encoder.encode(text, bytes, options, nullptr, 0, *count))
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT,
                "the text has a stretch without end that cannot be encoded in pieces");
  if (*count > capacity)
    return fail(&session->error, GEMMAC_BUFFER_TOO_SMALL, "the text has %zu tokens, the buffer room for %zu",
                *count, capacity);
  encoder.encode(text, bytes, options, ids, capacity, *count);
  return GEMMAC_OK;
}

gemmac_status gemmac_detokenize(gemmac_session *session, const int32_t *ids, size_t count, uint32_t flags,
                                char *text, size_t capacity, size_t *bytes) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if ((!ids && count) || (!text && capacity) || !bytes)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_detokenize: %s is null",
                !bytes          ? "bytes"
                : !ids && count ? "ids"
                                : "text");
  if (flags & ~GEMMAC_SKIP_SPECIAL)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_detokenize: flags %#x are unknown", flags);
  if (gemmac_status status = session->checkIds(ids, count, "the tokens"))
    return status;
  const Vocabulary &vocabulary = session->engine->vocabulary;
  const bool skipSpecial = flags & GEMMAC_SKIP_SPECIAL;
  *bytes = decode(vocabulary, ids, count, skipSpecial, nullptr, 0);
  if (*bytes > capacity)
    return fail(&session->error, GEMMAC_BUFFER_TOO_SMALL, "the text has %zu bytes, the buffer room for %zu",
                *bytes, capacity);
  decode(vocabulary, ids, count, skipSpecial, text, capacity);
  return GEMMAC_OK;
}

// ---- Running

gemmac_status gemmac_prompt(gemmac_session *session, const int32_t *ids, size_t count, uint32_t chunk) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if (gemmac_status status = session->checkChunk(chunk))
    return status;
  Engagement engaged(*session->worker, *session);
  if (!engaged)
    return busy(session);
  uint32_t held = session->length;
  if (gemmac_status status = session->append(ids, count, "the prompt"))
    return status;
  gemmac_status status = session->endCall(session->advance(chunk));
  session->takeBack(held);
  return status;
}

gemmac_status gemmac_score(gemmac_session *session, const int32_t *ids, size_t count, uint32_t chunk,
                           float *logits) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if (!logits)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "the text to score: logits are null");
  if (gemmac_status status = session->checkChunk(chunk))
    return status;
  Engagement engaged(*session->worker, *session);
  if (!engaged)
    return busy(session);
  uint32_t held = session->length;
  if (gemmac_status status = session->append(ids, count, "the text to score"))
    return status;
  gemmac_status status = session->prefillTo(held, chunk);
  if (!status)
    status = session->score(chunk, logits);
  status = session->endCall(status);
  session->takeBack(held);
  return status;
}

const float *gemmac_logits(const gemmac_session *session) {
  return session && session->logitsReady ? session->logits : nullptr;
}

gemmac_status gemmac_default_sampling(const gemmac_engine *engine, gemmac_sampling *sampling) {
  if (!engine || !sampling)
    return GEMMAC_INVALID_ARGUMENT;
  const format::Generation &defaults = *engine->package.metadata().generation();
  sampling->temperature = defaults.sample() ? defaults.temperature() : 0;
  sampling->top_k = defaults.top_k();
  sampling->top_p = defaults.top_p();
  sampling->min_p = defaults.min_p();
  sampling->repetition_penalty = defaults.repetition_penalty();
  sampling->seed = 0;
  return GEMMAC_OK;
}

static gemmac_status checkSampling(const gemmac_sampling &sampling, gemmac_error *error) {
  if (!format::isTemperature(sampling.temperature))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "temperature %g is no number from 0", sampling.temperature);
  if (!format::isFraction(sampling.top_p))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "top_p %g is not in 0 to 1", sampling.top_p);
  if (!format::isFraction(sampling.min_p))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "min_p %g is not in 0 to 1", sampling.min_p);
  if (!format::isRepetitionPenalty(sampling.repetition_penalty))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "repetition_penalty %g is not above 0",
                sampling.repetition_penalty);
  return GEMMAC_OK;
}

gemmac_status gemmac_distribution(gemmac_session *session, const float *logits, const gemmac_sampling *given,
                                  gemmac_candidate *candidates, size_t capacity, size_t *count) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if ((!candidates && capacity) || !count)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_distribution: %s is null",
                !count ? "count" : "candidates");
  gemmac_sampling sampling;
  gemmac_default_sampling(session->engine, &sampling);
  if (given)
    sampling = *given;
  if (gemmac_status status = checkSampling(sampling, &session->error))
    return status;
  if (!logits && !session->logitsReady)
    return fail(&session->error, GEMMAC_NO_PROMPT, "there are no logits: give a prompt first");
  Engagement engaged(*session->worker, *session);
  if (!engaged)
    return busy(session);
  const uint32_t vocab = session->engine->code->vocab_size;
  uint8_t *arena = session->worker->arena;
  float *copy = reinterpret_cast<float *>(arena + Sampler::scratchBytes(vocab));
  memcpy(copy, logits ? logits : session->logits, vocab * sizeof(float));
  const Sampler sampler(samplerOptions(*session->engine, sampling), vocab, arena);
  const Distribution distribution = sampler.distribution(copy, session->tokens, session->length);
  if (distribution.size() == 0)
    return fail(&session->error, GEMMAC_BAD_LOGITS, "every logit is suppressed or not a number");
  *count = distribution.size();
  if (*count > capacity)
    return fail(&session->error, GEMMAC_BUFFER_TOO_SMALL,
                "%zu tokens may come next, the buffer has room for %zu", *count, capacity);
  for (size_t i = 0; i < *count; ++i)
    candidates[i] = {distribution.id(i), distribution.probability(i)};
  return GEMMAC_OK;
}

uint64_t gemmac_random(uint64_t seed) {
  return Pcg32(seed).state();
}

int32_t gemmac_draw(const gemmac_candidate *candidates, size_t count, uint64_t *state) {
  if ((!candidates && count) || !state)
    return -1;
  double total = 0;
  for (size_t i = 0; i < count; ++i)
    total += candidates[i].probability;
  Pcg32 random = Pcg32::at(*state);
  double left = random.uniform() * total;
  *state = random.state();
  int32_t last = -1;
  for (size_t i = 0; i < count; ++i) {
    if (candidates[i].probability <= 0)
      continue;
    last = candidates[i].id;
    if ((left -= candidates[i].probability) < 0)
      break;
  }
  return last;
}

gemmac_status gemmac_generate(gemmac_session *session, const gemmac_generation *given,
                              gemmac_result *result) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  gemmac_generation generation = {};
  if (given)
    generation = *given;
  else
    gemmac_default_sampling(session->engine, &generation.sampling);
  if (gemmac_status status = checkSampling(generation.sampling, &session->error))
    return status;
  if (generation.stop_count && !generation.stop)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "gemmac_generate: stop is null");
  Engagement engaged(*session->worker, *session);
  if (!engaged)
    return busy(session);
  gemmac_result unused;
  return session->generate(generation, result ? *result : unused);
}
