/*===- gemmac.h - running a compiled model ---------------------------------------------------------------===
 *
 *   gemmac_engine *engine;
 *   gemmac_session *session;
 *   gemmac_open(gemmac_program_model, "gemma_4_e2b.weights", NULL, &engine, NULL);
 *   gemmac_session_open(engine, NULL, &session, NULL);
 *   gemmac_tokenize(session, text, bytes, GEMMAC_ADD_BOS, ids, capacity, &count);
 *   gemmac_prompt(session, ids, count, 0);
 *   gemmac_generate(session, NULL, &result);
 *
 * An engine is a model that is ready to run: its code, its mapped weights, its tokenizer. It never changes,
 * so any number of threads may use it at once. A session is one text in progress: tokens, keys and values. A
 * worker is what runs steps: threads and scratch memory. A session has a worker of its own, unless it is
 * opened for one that serves many sessions, one call after another:
 *
 *   gemmac_worker_open(engine, NULL, &worker, NULL);
 *   options.worker = worker;
 *   gemmac_session_open(engine, &options, &first, NULL);
 *   gemmac_session_open(engine, &options, &second, NULL);
 *
 * One thread at a time may use a session, except gemmac_cancel, which any thread may call at any time between
 * open and close. A call that needs a worker while that one runs another call returns GEMMAC_BUSY at once and
 * changes nothing; so does one that is made from within on_token.
 *
 * Memory is taken when an engine, a worker or a session opens and never after. Nothing here prints, exits or
 * throws. A function that fails returns a status that says which kind of failure it was, and leaves a
 * sentence about it in the session (gemmac_last_error) or, where there is none yet, in the gemmac_error that
 * the caller gives (it may be null). Results behind pointers are written only on GEMMAC_OK unless said
 * otherwise.
 *
 * A null engine, worker or session never crashes: functions with a status return GEMMAC_INVALID_ARGUMENT,
 * the others say what they return. Handles that were closed must not be used any more.
 */
#ifndef GEMMAC_GEMMAC_H
#define GEMMAC_GEMMAC_H

#include "gemmac/model.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMMAC_API_VERSION 4u

/* GEMMAC_API_VERSION of the library that is linked: equal to the header's, or header and library don't fit.
 */
uint32_t gemmac_api_version(void);

typedef enum gemmac_status {
  GEMMAC_OK = 0,
  GEMMAC_INVALID_ARGUMENT = 1, /* a null pointer, a number outside its range, an id outside the vocabulary */
  GEMMAC_FILE_ERROR = 2, /* the weights are no regular file, or cannot be opened or mapped: the message has
                            the system's reason */
  GEMMAC_CORRUPT = 3,    /* the file is no package, is cut short, or its bytes do not fit their checksums */
  GEMMAC_VERSION_MISMATCH = 4, /* a package or a model made by another version of gemmac */
  GEMMAC_WRONG_PACKAGE = 5,    /* a good package, but of other code than this */
  GEMMAC_UNSUPPORTED_CPU = 6,  /* code or package need a CPU feature that this machine does not have */
  GEMMAC_OUT_OF_MEMORY = 7, /* pages or threads refused by the system, or the caller's memory is too small */
  GEMMAC_CONTEXT_FULL = 8,  /* more tokens than the context has free positions: nothing was run */
  GEMMAC_CANCELLED = 9,     /* gemmac_cancel was called; what had been run before stays */
  GEMMAC_BUFFER_TOO_SMALL = 10, /* the result does not fit the buffer: the count says what would fit */
  GEMMAC_NO_PROMPT = 11,        /* no token to go on from: nothing was run since open or reset */
  GEMMAC_BAD_LOGITS = 12, /* every token's logit is suppressed or not a number: there is none to choose */
  GEMMAC_BUSY = 13,       /* the worker, or the session, is in another call: nothing was done */
  GEMMAC_OVERWRITTEN = 14 /* the cache no longer has what the text would need: nothing was done */
} gemmac_status;

/* "context full"; never null. */
const char *gemmac_status_name(gemmac_status status);

#define GEMMAC_ERROR_BYTES 512

typedef struct gemmac_error {
  char text[GEMMAC_ERROR_BYTES]; /* one sentence that ends with a zero, cut short if need be */
} gemmac_error;

/* ---- Engine ---- */

typedef struct gemmac_engine gemmac_engine;

typedef struct gemmac_open_options {
  int verify; /* not 0: read all weights and compare them with their checksums, which takes as long as reading
                 the file. Sizes, header and metadata are always verified */
  void *memory;        /* aligned to 64 and alive until close; null: the engine takes pages itself */
  size_t memory_bytes; /* at least gemmac_engine_bytes() if memory is given */
} gemmac_open_options;

size_t gemmac_engine_bytes(void);

/* Opens the package at weights_path, a regular file, for this code: maps it until close. Options may be null:
 * all zero. Fails with FILE_ERROR, CORRUPT, VERSION_MISMATCH, WRONG_PACKAGE, UNSUPPORTED_CPU, OUT_OF_MEMORY,
 * INVALID_ARGUMENT. */
gemmac_status gemmac_open(const gemmac_model *code, const char *weights_path,
                          const gemmac_open_options *options, gemmac_engine **engine, gemmac_error *error);

/* As gemmac_open, of a package that lies in memory: all `bytes` of a .weights file, in flash, linked in, or
 * mapped by the caller. It begins at a multiple of 64 bytes, stays readable, unchanged and in its place until
 * close, and remains the caller's; nothing of it is copied, and no advice about it is given to the system.
 * Fails as gemmac_open, without FILE_ERROR. */
gemmac_status gemmac_open_memory(const gemmac_model *code, const void *package, size_t bytes,
                                 const gemmac_open_options *options, gemmac_engine **engine,
                                 gemmac_error *error);

/* All its sessions and workers are closed before. Null is allowed. */
void gemmac_close(gemmac_engine *engine);

typedef struct gemmac_info {
  const char *name;     /* of the model; lives as long as the engine, as do all pointers here */
  const char *target;   /* the device that it was compiled for */
  const char *weights;  /* scheme: "q4_0"; "file": as the checkpoint has each; or a mix: "q4_k,head=q6_k" */
  const char *compiler; /* version */
  uint32_t vocab_size;
  uint32_t context;    /* positions that a session holds */
  uint32_t max_tokens; /* largest chunk */
  uint64_t weights_bytes, arena_bytes, cache_bytes;
  const int32_t *stop; /* ids that end a generation */
  size_t stop_count;
  int32_t bos;               /* -1: none */
  int add_bos;               /* not 0: a raw prompt begins with bos */
  const char *chat_template; /* Jinja, as the checkpoint has it; empty if it has none */
} gemmac_info;

/* Fails with INVALID_ARGUMENT (null). */
gemmac_status gemmac_get_info(const gemmac_engine *engine, gemmac_info *info);

/* ---- Worker ---- */

typedef struct gemmac_worker gemmac_worker;

#define GEMMAC_MAX_THREADS 64

typedef struct gemmac_worker_options {
  uint32_t threads;    /* 1 … GEMMAC_MAX_THREADS, the caller's included; 0: as many as this process has CPUs,
                          by its mask or by its control groups' quota, whichever is less. Results don't
                          depend on it */
  void *memory;        /* aligned to 64 and alive until close; null: the worker takes pages itself */
  size_t memory_bytes; /* at least gemmac_worker_bytes(engine) if memory is given */
} gemmac_worker_options;

/* 0 for null. */
size_t gemmac_worker_bytes(const gemmac_engine *engine);

/* Options may be null: all zero. Fails with INVALID_ARGUMENT, OUT_OF_MEMORY. */
gemmac_status gemmac_worker_open(const gemmac_engine *engine, const gemmac_worker_options *options,
                                 gemmac_worker **worker, gemmac_error *error);

/* Ends the worker's threads. Its sessions are closed, or use another worker, before. Null is allowed. */
void gemmac_worker_close(gemmac_worker *worker);

/* ---- Session ---- */

typedef struct gemmac_session gemmac_session;

typedef struct gemmac_session_options {
  uint32_t threads;      /* of the session's own worker, as above */
  void *memory;          /* aligned to 64 and alive until close; null: the session takes pages itself */
  size_t memory_bytes;   /* if memory is given, at least gemmac_session_bytes(engine), and
                            gemmac_worker_bytes(engine) more without `worker` */
  gemmac_worker *worker; /* of the same engine, runs the session's calls; null: one of its own */
} gemmac_session_options;

/* 0 for null. */
size_t gemmac_session_bytes(const gemmac_engine *engine);

/* Options may be null: all zero. Fails with INVALID_ARGUMENT, OUT_OF_MEMORY. */
gemmac_status gemmac_session_open(const gemmac_engine *engine, const gemmac_session_options *options,
                                  gemmac_session **session, gemmac_error *error);

/* Ends the threads of the session's own worker. Null is allowed. */
void gemmac_session_close(gemmac_session *session);

/* From now on this worker of the same engine runs the session's calls; null: its own again. Fails with
 * INVALID_ARGUMENT, BUSY. */
gemmac_status gemmac_session_use(gemmac_session *session, gemmac_worker *worker);

/* The sentence about the last failure of a call with `session`; empty before the first, and for null. Valid
 * until the next failure. */
const char *gemmac_last_error(const gemmac_session *session);

/* Forgets all tokens and any cancel that has come. Fails with INVALID_ARGUMENT (null), BUSY. */
gemmac_status gemmac_reset(gemmac_session *session);

/* Ends the running call after the step or the on_token that it is in, also the last one: the call then
 * returns GEMMAC_CANCELLED. If none is running, ends the next one of prompt, score and generate before its
 * first step. Safe from any thread and from a signal handler. Null is allowed. */
void gemmac_cancel(gemmac_session *session);

/* Tokens that the session holds: given, scored and generated ones; 0 for null. */
uint32_t gemmac_position(const gemmac_session *session);

/* Keeps the first `tokens` tokens and forgets the others, as if they had never been there: what follows gets
 * the same bits. gemmac_logits has none until something is run; gemmac_generate runs the last token that is
 * left once more for them, so there is no need to. Layers with a window keep a ring of their last keys and
 * values only, so that `tokens` is 0, or gemmac_session_earliest() at least. Of the longest that the text has
 * been since it was empty, the last max_tokens tokens can always be cut off. Fails with INVALID_ARGUMENT
 * (more than the session holds), OVERWRITTEN, BUSY. */
gemmac_status gemmac_session_truncate(gemmac_session *session, uint32_t tokens);

/* The fewest tokens, besides none, that the session can be cut back to now; 0 as long as no ring has
 * overwritten anything, and for null. Tokens that are held and not yet run can always be cut off. */
uint32_t gemmac_session_earliest(const gemmac_session *session);

/* Makes `to` hold what `from` does: tokens, keys, values, logits; a cancel that has come for `to` stays.
 * Nothing is shared afterwards. Both are of the same engine, workers do not matter. With a new session it
 * makes a clone; memory that `from` has never touched stays untouched in it. Fails with INVALID_ARGUMENT
 * (null, or of two engines), BUSY. */
gemmac_status gemmac_session_copy(gemmac_session *to, const gemmac_session *from);

/* ---- Text ---- */

#define GEMMAC_ADD_BOS 1u /* begin with bos if the tokenizer says that prompts do, and the text does not */
#define GEMMAC_PLAIN 2u   /* "<eos>" in the text is five letters and no special token */

/* Text, any bytes, to ids. *count is the number of ids, also on BUFFER_TOO_SMALL (then nothing is written to
 * ids: capacity 0 with ids null asks for the number). A capacity of bytes + 1 suffices for any text. Fails
 * with INVALID_ARGUMENT, BUFFER_TOO_SMALL, BUSY. */
gemmac_status gemmac_tokenize(gemmac_session *session, const char *text, size_t bytes, uint32_t flags,
                              int32_t *ids, size_t capacity, size_t *count);

#define GEMMAC_SKIP_SPECIAL 1u /* leave special tokens out of the text */

/* Ids to text, without an end mark. *bytes as *count above. Fails with INVALID_ARGUMENT, BUFFER_TOO_SMALL. */
gemmac_status gemmac_detokenize(gemmac_session *session, const int32_t *ids, size_t count, uint32_t flags,
                                char *text, size_t capacity, size_t *bytes);

/* ---- Running ---- */

/* Appends ids and runs them in chunks of at most `chunk` tokens (1 … max_tokens; 0: max_tokens). Afterwards
 * gemmac_logits belongs to the last of them. Fails with INVALID_ARGUMENT, CONTEXT_FULL, CANCELLED, BUSY;
 * after CANCELLED the tokens that were run stay, which may be all of them, the others are forgotten. */
gemmac_status gemmac_prompt(gemmac_session *session, const int32_t *ids, size_t count, uint32_t chunk);

/* As gemmac_prompt, and writes the logits of every id: count * vocab_size numbers; after CANCELLED those of
 * the tokens that were run. A long text may be given piece by piece. */
gemmac_status gemmac_score(gemmac_session *session, const int32_t *ids, size_t count, uint32_t chunk,
                           float *logits);

/* vocab_size numbers for the token that comes next, or null where there are none, as of a null session. Valid
 * until the next call that runs tokens. */
const float *gemmac_logits(const gemmac_session *session);

typedef struct gemmac_sampling {
  float temperature;        /* 0: the best token always; otherwise > 0, applied first */
  uint32_t top_k;           /* keep the k best; 0: all */
  float top_p;              /* [0, 1]: then keep the best that sum up to p; 0: the best one; 1: all */
  float min_p;              /* [0, 1]: then keep those at least this fraction of the best; 0: all */
  float repetition_penalty; /* > 0: logits of tokens that the session holds are divided (positive) or
                               multiplied (negative) by it; 1: off */
  uint64_t seed;            /* same seed, same text */
} gemmac_sampling;

/* What the model's own generation defaults say, with seed 0. Fails with INVALID_ARGUMENT (null). */
gemmac_status gemmac_default_sampling(const gemmac_engine *engine, gemmac_sampling *sampling);

/* ---- Sampling by hand, as for speculative decoding ---- */

typedef struct gemmac_candidate {
  int32_t id;
  double probability; /* > 0 */
} gemmac_candidate;

/* The tokens that may come after those that the session holds, by `logits`: vocab_size numbers, a row of
 * gemmac_score, or null for gemmac_logits. Sampling as for gemmac_generate, which draws from the same
 * distribution; null: the model's defaults; its seed is not used. The probabilities sum to 1, in no
 * particular order. *count as for gemmac_tokenize: top_k, if it is not 0, or vocab_size suffice as capacity.
 * Nothing is changed. Fails with INVALID_ARGUMENT, NO_PROMPT, BAD_LOGITS, BUFFER_TOO_SMALL, BUSY. */
gemmac_status gemmac_distribution(gemmac_session *session, const float *logits,
                                  const gemmac_sampling *sampling, gemmac_candidate *candidates,
                                  size_t capacity, size_t *count);

/* The state of a generator of random numbers for gemmac_draw; gemmac_generate begins with the same for the
 * same seed, and draws once a token. */
uint64_t gemmac_random(uint64_t seed);

/* One of the candidates' ids, by their probabilities, which need not sum to 1; advances *random. -1 if none
 * has a probability above 0, or a pointer is null. */
int32_t gemmac_draw(const gemmac_candidate *candidates, size_t count, uint64_t *random);

/* ---- Generating ---- */

/* A token was generated. `text` is what can be shown now: whole characters of it and of tokens before it,
 * without an end mark; `bytes` may be 0. The last call may have id -1: text that was held back. Not 0 ends
 * the generation. */
typedef int (*gemmac_on_token)(void *user, int32_t id, const char *text, size_t bytes);

typedef struct gemmac_generation {
  gemmac_sampling sampling;
  uint32_t max_tokens; /* 0: until a stop token comes or the context is full */
  int ignore_stop;     /* not 0: stop tokens are tokens like others */
  const int32_t *stop; /* ids that end the generation beside the model's own */
  size_t stop_count;
  gemmac_on_token on_token; /* may be null */
  void *user;
} gemmac_generation;

/* Why a generation ended. */
typedef enum gemmac_finish {
  GEMMAC_FINISH_LENGTH = 0, /* max_tokens were generated */
  GEMMAC_FINISH_STOP =
      1, /* a stop token came: the session holds it, on_token did not get it, `tokens` does not count it */
  GEMMAC_FINISH_CONTEXT = 2,   /* no position was left for one more token; `tokens` is 0 where a prompt filled
                                  the context already */
  GEMMAC_FINISH_CALLBACK = 3,  /* on_token ended it */
  GEMMAC_FINISH_CANCELLED = 4, /* with the status CANCELLED */
  GEMMAC_FINISH_BAD_LOGITS = 5 /* with the status BAD_LOGITS */
} gemmac_finish;

/* "limit", "stop", "context full", "callback", "cancelled", "bad logits"; never null. */
const char *gemmac_finish_name(gemmac_finish finish);

typedef struct gemmac_result {
  uint32_t tokens; /* generated */
  gemmac_finish finish;
} gemmac_result;

/* Generates from the logits of the last call, or if there are none runs the session's last token once more
 * (where a ring has overwritten what that one sees: NO_PROMPT). The last generated token is held but not yet
 * run: a prompt or generate that follows runs it first. Generation may be null: the model's defaults. Result
 * may be null, and is also written on CANCELLED and BAD_LOGITS. Fails with INVALID_ARGUMENT, NO_PROMPT,
 * BAD_LOGITS, CANCELLED, BUSY. */
gemmac_status gemmac_generate(gemmac_session *session, const gemmac_generation *generation,
                              gemmac_result *result);

#ifdef __cplusplus
}
#endif
#endif
