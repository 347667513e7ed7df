// The C API of handles: opening, closing and what needs no worker. It checks what comes from outside.

#include "runtime/core/Engine.h"
#include "runtime/core/Session.h"
#include "runtime/core/Status.h"

#include <new>
#include <string.h>

using namespace gemmac;

uint32_t gemmac_api_version(void) {
  return GEMMAC_API_VERSION;
}

// ---- Engine

size_t gemmac_engine_bytes(void) {
  return handleBytes(sizeof(void *)).engine;
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
  if (code.ring < code.context && (code.rewind < code.max_tokens || code.rewind > code.ring))
    return fail(error, GEMMAC_INVALID_ARGUMENT, "caches of %u positions cannot take back %u tokens",
                code.ring, code.rewind);
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

gemmac_status gemmac_get_info(const gemmac_engine *engine, gemmac_info *info) {
  if (!engine || !info)
    return GEMMAC_INVALID_ARGUMENT;
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
  return GEMMAC_OK;
}

// ---- Worker

size_t gemmac_worker_bytes(const gemmac_engine *engine) {
  return engine ? gemmac_worker::memoryOf(*engine).total() : 0;
}

gemmac_status gemmac_worker_open(const gemmac_engine *engine, const gemmac_worker_options *given,
                                 gemmac_worker **result, gemmac_error *error) {
  if (!engine || !result)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "gemmac_worker_open: %s is null",
                !engine ? "engine" : "worker");
  gemmac_worker_options options = given ? *given : gemmac_worker_options{};
  if (gemmac_status status = checkThreads(options.threads, error))
    return status;
  Region region;
  if (gemmac_status status =
          region.take("a worker", options.memory, options.memory_bytes, gemmac_worker_bytes(engine), error))
    return status;
  gemmac_worker *worker = gemmac_worker::make(*engine, region.memory, options.threads);
  if (!worker) {
    region.giveBack();
    return fail(error, GEMMAC_OUT_OF_MEMORY, "the system refuses to start %u threads", options.threads);
  }
  worker->region = region;
  *result = worker;
  return GEMMAC_OK;
}

void gemmac_worker_close(gemmac_worker *worker) {
  if (!worker)
    return;
  worker->end();
  worker->region.giveBack();
}

// ---- Session

size_t gemmac_session_bytes(const gemmac_engine *engine) {
  return engine ? gemmac_session::memoryOf(*engine).total() : 0;
}

static gemmac_status checkWorker(const gemmac_engine *engine, const gemmac_worker *worker,
                                 gemmac_error *error) {
  return worker->engine == engine
             ? GEMMAC_OK
             : fail(error, GEMMAC_INVALID_ARGUMENT, "the worker is another engine's than the session");
}

gemmac_status gemmac_session_open(const gemmac_engine *engine, const gemmac_session_options *given,
                                  gemmac_session **result, gemmac_error *error) {
  if (!engine || !result)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "gemmac_session_open: %s is null",
                !engine ? "engine" : "session");
  gemmac_session_options options = given ? *given : gemmac_session_options{};
  if (gemmac_status status = checkThreads(options.threads, error))
    return status;
  if (options.worker)
    if (gemmac_status status = checkWorker(engine, options.worker, error))
      return status;

  const SessionMemory bytes = gemmac_session::memoryOf(*engine);
  const uint64_t all = bytes.total() + (options.worker ? 0 : gemmac_worker_bytes(engine));
  Region region;
  if (gemmac_status status = region.take("a session", options.memory, options.memory_bytes, all, error))
    return status;
  gemmac_session *session = new (region.memory) gemmac_session{};
  session->engine = engine;
  session->region = region;
  session->layOut(region.memory, bytes);
  session->worker = options.worker;
  if (!options.worker) {
    void *behind = static_cast<uint8_t *>(region.memory) + bytes.total();
    session->worker = session->own = gemmac_worker::make(*engine, behind, options.threads);
    if (!session->own) {
      region.giveBack();
      return fail(error, GEMMAC_OUT_OF_MEMORY, "the system refuses to start %u threads", options.threads);
    }
  }
  *result = session;
  return GEMMAC_OK;
}

void gemmac_session_close(gemmac_session *session) {
  if (!session)
    return;
  if (session->own)
    session->own->end();
  session->region.giveBack();
}

/// Does a call of the session run?
static bool isServed(const gemmac_session *session) {
  return session->worker->serves.load() == session;
}

gemmac_status gemmac_session_use(gemmac_session *session, gemmac_worker *worker) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if (isServed(session))
    return GEMMAC_BUSY;
  if (!worker && !session->own)
    return fail(&session->error, GEMMAC_INVALID_ARGUMENT, "the session has no worker of its own");
  if (worker)
    if (gemmac_status status = checkWorker(session->engine, worker, &session->error))
      return status;
  session->worker = worker ? worker : session->own;
  return GEMMAC_OK;
}

uint32_t gemmac_session_earliest(const gemmac_session *session) {
  return session ? session->earliest() : 0;
}

gemmac_status gemmac_session_truncate(gemmac_session *session, uint32_t tokens) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  return isServed(session) ? GEMMAC_BUSY : session->truncate(tokens);
}

gemmac_status gemmac_session_copy(gemmac_session *to, const gemmac_session *from) {
  if (!to || !from)
    return GEMMAC_INVALID_ARGUMENT;
  return isServed(to) || isServed(from) ? GEMMAC_BUSY : to->copyFrom(*from);
}

const char *gemmac_last_error(const gemmac_session *session) {
  return session ? session->error.text : "";
}

gemmac_status gemmac_reset(gemmac_session *session) {
  if (!session)
    return GEMMAC_INVALID_ARGUMENT;
  if (isServed(session))
    return GEMMAC_BUSY;
  session->reset();
  return GEMMAC_OK;
}

void gemmac_cancel(gemmac_session *session) {
  if (session)
    session->cancelled.store(true);
}

uint32_t gemmac_position(const gemmac_session *session) {
  return session ? session->length : 0;
}
