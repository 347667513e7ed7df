/*===- model.h - the contract between emitted code and the runtime -------------------------------------------===
 *
 * Emitted models and the runtime are built apart: change GEMMAC_MODEL_VERSION with any change here.
 *
 * An emitted model is one constant `gemmac_model` with three entry points. Each runs one step: `count` tokens that stand at `position`,
 * `position + 1`, …. The caller owns all memory; an entry point allocates nothing, keeps nothing and cannot fail.
 */
#ifndef GEMMAC_MODEL_H
#define GEMMAC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMMAC_MODEL_VERSION 2u

/* A piece of a kernel's work: indices begin … end - 1 of what is shared out. */
typedef void (*gemmac_task)(void *arguments, int32_t begin, int32_t end);

typedef struct gemmac_step {
  const uint8_t *weights; /* tensor bytes of the package, aligned to 64 */
  uint8_t *arena;         /* arena_bytes of scratch, aligned to 64; free again after the step */
  uint8_t *cache;         /* cache_bytes, aligned to 64; keys and values, kept between steps */
  const int32_t *tokens;  /* count ids, each in 0 … vocab_size - 1 */
  int64_t count;          /* decode: 1; prefill, score: 1 … max_tokens */
  int64_t position;       /* of the first token; position + count <= context */
  float *logits;          /* decode: vocab_size numbers; score: count * vocab_size; prefill: unused */
  /* Runs task(arguments, b, e) over disjoint ranges that cover 0 … pieces - 1, on any threads; returns when all are done. A step hands every
   * kernel to it, also those of one piece, in the order of the plan: who stands in for it sees all of them. */
  void (*parallel)(void *pool, gemmac_task task, void *arguments, int32_t pieces);
  void *pool;
} gemmac_step;

typedef struct gemmac_model {
  uint32_t version;           /* GEMMAC_MODEL_VERSION */
  uint32_t vocab_size;
  uint32_t context;           /* positions that the caches hold */
  uint32_t max_tokens;        /* of one prefill or score step */
  uint64_t arena_bytes;
  uint64_t cache_bytes;
  uint64_t weights_bytes;     /* tensor bytes of the package that belongs to this code */
  uint64_t fingerprint;       /* the package that belongs to this code carries the same */
  const char *name;
  const char *target;         /* the device's name */
  const char *cpu_features;   /* what the code needs, separated by blanks: "avx2 fma f16c" */
  void (*prefill)(const gemmac_step *step); /* keys and values only: what later tokens need */
  void (*decode)(const gemmac_step *step);  /* one token, its logits */
  void (*score)(const gemmac_step *step);   /* all tokens, all logits */
} gemmac_model;

#ifdef __cplusplus
}
#endif
#endif
