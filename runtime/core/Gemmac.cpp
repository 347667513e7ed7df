// The C API: checks what comes from outside, and hands it to Engine and Session.

#include "runtime/core/Engine.h"
#include "runtime/core/Session.h"
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Encoder.h"

#include <math.h>
#include <new>
#include <string.h>

using namespace gemmac;

uint32_t gemmac_api_version(void) {
  return GEMMAC_API_VERSION;
}

// ---- Engine

size_t gemmac_engine_bytes(void) {
  return sizeof(gemmac_engine);
}

static gemmac_status checkCode(const gemmac_model &code, gemmac_error *error) {
  if (code.version != GEMMAC_MODEL_VERSION)
    return fail(error, GEMMAC_VERSION_MISMATCH,
                "the model's code has version %u, this runtime runs version %u", code.version,
                GEMMAC_MODEL_VERSION);
  if (!code.name || !code.target || !code.cpu_features)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "the model's code has no name, target or CPU features");
  if (gemmac_status status = checkEntries(code, error))
    return status;
  return checkCpu(code.name, code.cpu_features, error);
}

/// Opens an engine; `openPackage(engine, verify)` opens its package.
template <typename Open>
static gemmac_status openEngine(const gemmac_model *code, const gemmac_open_options *given,
                                gemmac_engine **result, gemmac_error *error, Open openPackage) {
  if (gemmac_status status = checkCode(*code, error))
    return status;
  const gemmac_open_options options = given ? *given : gemmac_open_options{};
  Region region;
  if (gemmac_status status =
          region.take("an engine", options.memory, options.memory_bytes, gemmac_engine_bytes(), error))
    return status;
  gemmac_engine *engine = new (region.memory) gemmac_engine{};
  engine->code = code;
  engine->region = region;
  if (gemmac_status status = openPackage(*engine, options.verify != 0)) {
    gemmac_close(engine);
    return status;
  }
  *result = engine;
  return GEMMAC_OK;
}

gemmac_status gemmac_open(const gemmac_model *code, const char *path, const gemmac_open_options *options,
                          gemmac_engine **result, gemmac_error *error) {
  if (!code || !path || !result)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "gemmac_open: %s is null",
                !code   ? "code"
                : !path ? "weights_path"
                        : "engine");
  return openEngine(code, options, result, error,
                    [&](gemmac_engine &engine, bool verify) { return engine.openFile(path, verify, error); });
}

gemmac_status gemmac_open_memory(const gemmac_model *code, const void *package, size_t bytes,
                                 const gemmac_open_options *options, gemmac_engine **result,
                                 gemmac_error *error) {
  if (!code || !package || !result)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "gemmac_open_memory: %s is null",
                !code      ? "code"
                : !package ? "package"
                           : "engine");
  if (reinterpret_cast<uintptr_t>(package) % format::kPlaneAlignment)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "the package in memory is not aligned to %d bytes",
                static_cast<int>(format::kPlaneAlignment));
  return openEngine(code, options, result, error, [&](gemmac_engine &engine, bool verify) {
    return engine.open(static_cast<const uint8_t *>(package), bytes, "the package in memory", verify, error);
  });
}

void gemmac_close(gemmac_engine *engine) {
  if (!engine)
    return;
  engine->close();
  engine->region.giveBack();
}

void gemmac_get_info(const gemmac_engine *engine, gemmac_info *info) {
  const format::Metadata &metadata = engine->package.metadata();
  const gemmac_model &code = *engine->code;
  *info = {};
  info->name = code.name;
  info->target = code.target;
  info->weights = metadata.quantization()->weights()->c_str();
  info->compiler = metadata.compiler_version()->c_str();
  info->vocab_size = code.vocab_size;
  info->context = code.context;
  info->max_tokens = code.max_tokens;
  info->weights_bytes = code.weights_bytes;
  info->arena_bytes = code.arena_bytes;
  info->cache_bytes = code.cache_bytes;
  info->stop = metadata.generation()->stop()->data();
  info->stop_count = metadata.generation()->stop()->size();
  info->bos = engine->vocabulary.bos();
  info->add_bos = engine->vocabulary.addBos();
  const flatbuffers::String *chatTemplate = metadata.tokenizer()->chat_template();
  info->chat_template = chatTemplate ? chatTemplate->c_str() : "";
}

// ---- Session

size_t gemmac_session_bytes(const gemmac_engine *engine) {
  return gemmac_session::memoryOf(*engine).total();
}

gemmac_status gemmac_session_open(const gemmac_engine *engine, const gemmac_session_options *given,
                                  gemmac_session **result, gemmac_error *error) {
  if (!engine || !result)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "gemmac_session_open: %s is null",
                !engine ? "engine" : "session");
  const gemmac_session_options options = given ? *given : gemmac_session_options{};
  if (options.threads > GEMMAC_MAX_THREADS)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "%u threads are more than %u", options.threads,
                GEMMAC_MAX_THREADS);
  uint32_t threads = options.threads ? options.threads : platform::cpuCount();
  if (threads > GEMMAC_MAX_THREADS)
    threads = GEMMAC_MAX_THREADS;

  const SessionMemory bytes = gemmac_session::memoryOf(*engine);
  Region region;
  if (gemmac_status status =
          region.take("a session", options.memory, options.memory_bytes, bytes.total(), error))
    return status;
  gemmac_session *session = new (region.memory) gemmac_session{};
  session->engine = engine;
  session->region = region;
  session->layOut(region.memory, bytes);
  if (!session->pool.start(threads)) {
    session->region.giveBack();
    return fail(error, GEMMAC_OUT_OF_MEMORY, "the system refuses to start %u threads", threads);
  }
  *result = session;
  return GEMMAC_OK;
}

void gemmac_session_close(gemmac_session *session) {
  if (!session)
    return;
  session->pool.stop();
  session->region.giveBack();
}

const char *gemmac_last_error(const gemmac_session *session) {
  return session->error.text;
}
void gemmac_reset(gemmac_session *session) {
  session->reset();
}
void gemmac_cancel(gemmac_session *session) {
  session->cancelled.store(true);
}
uint32_t gemmac_position(const gemmac_session *session) {
  return session->length;
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
  options.bos = (flags & GEMMAC_ADD_BOS) && vocabulary.addBos();
  options.plain = flags & GEMMAC_PLAIN;
  Encoder encoder(vocabulary, session->arena);
  if (!encoder.encode(text, bytes, options, ids, capacity, *count))
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT,
                "the text has a stretch without end that cannot be encoded in pieces");
  if (*count > capacity)
    return fail(&session->error, GEMMAC_BUFFER_TOO_SMALL, "the text has %zu tokens, the buffer room for %zu",
                *count, capacity);
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
  *bytes = decode(session->engine->vocabulary, ids, count, flags & GEMMAC_SKIP_SPECIAL, text, capacity);
  if (*bytes > capacity)
    return fail(&session->error, GEMMAC_BUFFER_TOO_SMALL, "the text has %zu bytes, the buffer room for %zu",
                *bytes, capacity);
  return GEMMAC_OK;
}

// ---- Running

gemmac_status gemmac_prompt(gemmac_session *session, const int32_t *ids, size_t count, uint32_t chunk) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if (gemmac_status status = session->checkChunk(chunk))
    return status;
  uint32_t held = session->length;
  if (gemmac_status status = session->append(ids, count, "the prompt"))
    return status;
  gemmac_status status = session->advance(chunk);
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
  uint32_t held = session->length;
  if (gemmac_status status = session->append(ids, count, "the text to score"))
    return status;
  gemmac_status status = session->prefillTo(held, chunk);
  if (!status)
    status = session->score(chunk, logits);
  session->takeBack(held);
  return status;
}

const float *gemmac_logits(const gemmac_session *session) {
  return session->logitsReady ? session->logits : nullptr;
}

void gemmac_default_sampling(const gemmac_engine *engine, gemmac_sampling *sampling) {
  const format::Generation &defaults = *engine->package.metadata().generation();
  sampling->temperature = defaults.sample() ? defaults.temperature() : 0;
  sampling->top_k = defaults.top_k();
  sampling->top_p = defaults.top_p();
  sampling->min_p = defaults.min_p();
  sampling->repetition_penalty = defaults.repetition_penalty();
  sampling->seed = 0;
}

// Comparisons are written so that a NaN is refused.
static gemmac_status checkSampling(const gemmac_sampling &sampling, gemmac_error *error) {
  if (!(sampling.temperature >= 0 && isfinite(sampling.temperature)))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "temperature %g is no number from 0", sampling.temperature);
  if (!(sampling.top_p > 0 && sampling.top_p <= 1))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "top_p %g is not above 0 and up to 1", sampling.top_p);
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "min_p %g is not in 0 to 1", sampling.min_p);
  if (!(sampling.repetition_penalty > 0 && isfinite(sampling.repetition_penalty)))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "repetition_penalty %g is not above 0",
                sampling.repetition_penalty);
  return GEMMAC_OK;
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
  gemmac_result unused;
  return session->generate(generation, result ? *result : unused);
}
