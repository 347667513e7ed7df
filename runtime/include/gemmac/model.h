/*===- model.h - the contract between emitted code and the runtime
 * -------------------------------------------===
 *
 * Emitted models and the runtime are built apart: change GEMMAC_MODEL_VERSION with any change here.
 *
 * An emitted model is one constant `gemmac_model` with a table of named entries. An entry runs one step: some
 * tokens of some texts go through the model, from the arrays of its input ports to those of its output ports.
 * The caller owns all memory; an entry allocates nothing, keeps nothing but keys and values in the caches of
 * its sequences, and cannot fail. Several steps may run at the same time if they share nothing that is
 * written: arena, caches, outputs.
 *
 * The structs have no holes, so that whoever emits them can compare every offset.
 */
#ifndef GEMMAC_MODEL_H
#define GEMMAC_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMMAC_MODEL_VERSION 4u

/* What an array consists of. */
enum { GEMMAC_F32 = 0, GEMMAC_F16 = 1, GEMMAC_BF16 = 2, GEMMAC_I32 = 3, GEMMAC_I8 = 4, GEMMAC_U8 = 5 };

/* An array that an entry reads or writes: dense, the last axis is adjacent, the caller's for the time of the
 * step, aligned to its elements. */
typedef struct gemmac_port {
  const char *name;
  const int64_t *shape; /* rank sizes; -1: as many as the step has tokens */
  uint32_t element;     /* GEMMAC_F32 … */
  uint32_t rank;
} gemmac_port;

/* How many tokens a step brings. */
enum {
  GEMMAC_ONE_TOKEN = 0,  /* always one: a model is read for it, matrices meet vectors */
  GEMMAC_FEW_TOKENS = 1, /* 1 … max_tokens, about as many as fit a tile of a kernel */
  GEMMAC_MANY_TOKENS = 2 /* 1 … max_tokens */
};

/* A piece of a kernel's work: indices begin … end - 1 of what is shared out. */
typedef void (*gemmac_task)(void *arguments, int32_t begin, int32_t end);

/* A text that has tokens in a step. */
typedef struct gemmac_sequence {
  uint8_t
      *cache; /* cache_bytes, aligned to 64; keys and values of its tokens, kept between steps. They hold
                 finite numbers before the first step: zeros, as in fresh pages, or what other texts left */
  int64_t position; /* of its first token in this step: how many tokens its cache holds; position + count <=
                       context */
  int64_t count;    /* its tokens in this step, at least 1; they follow those of the sequence before it */
} gemmac_sequence;

/* The input ports that entries of a language model have, each int32[tokens of the step]:
 *   tokens      ids, 0 … vocab_size - 1
 *   positions   of each token in its text, 0 … context - 1, in its sequence one more
 *               than the one before it
 *   visible     the last position that each token sees: for text its own; never less, never beyond its
 *               sequence's last, and not descending
 * and their output ports:
 *   logits      float32 [tokens of the step, vocab_size] */
typedef struct gemmac_step {
  const struct gemmac_entry *entry; /* that is run: what stands in for an entry finds out here which one */
  const uint8_t *weights;           /* weights_bytes, the tensor bytes of the package, aligned to 64 */
  uint8_t *arena; /* the entry's arena_bytes of scratch, aligned to 64; free again after the step */
  const gemmac_sequence *sequences;
  int64_t sequence_count;    /* 1 … max_sequences of the entry */
  int64_t count;             /* tokens of all sequences: 1, or 1 … max_tokens of the entry */
  const void *const *inputs; /* an array for each input port of the entry, in its order */
  void *const *outputs;      /* and for each output port */
  /* Runs task(arguments, b, e) over disjoint ranges that cover 0 … pieces - 1, on any threads; returns when
   * all are done. A step hands every kernel to it, also those of one piece, in the order of the plan: what
   * stands in for it sees all of them. `call` is the number of the call in the plan, 0 … call_count - 1;
   * layers that share code share the numbers of their calls. */
  void (*parallel)(void *pool, gemmac_task task, void *arguments, int32_t pieces, int32_t call);
  void *pool;
} gemmac_step;

typedef struct gemmac_entry {
  const char *name; /* unique in the model */
  const gemmac_port *inputs;
  const gemmac_port *outputs;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t tokens;        /* GEMMAC_ONE_TOKEN … */
  uint32_t max_sequences; /* that a step takes; 1 today */
  uint64_t max_tokens;    /* that a step takes */
  uint64_t arena_bytes;
  void (*run)(const gemmac_step *step);
} gemmac_entry;

/* What a text needs that is prompted, continued and scored; a session looks these up by name. Any others may
 * stand beside them. */
#define GEMMAC_PREFILL "prefill" /* many tokens, no output: keys and values only, what later tokens need */
#define GEMMAC_DECODE "decode"   /* one token, its logits */
#define GEMMAC_SCORE "score"     /* many tokens, the logits of all */

typedef struct gemmac_model {
  uint32_t version; /* GEMMAC_MODEL_VERSION */
  uint32_t vocab_size;
  uint32_t context;       /* positions that the caches hold */
  uint32_t max_tokens;    /* of one prefill or score step */
  uint32_t ring;          /* so many positions are in every cache before any is overwritten; context: none ever */
  uint32_t rewind;        /* so many tokens can be taken back at any time: what the one before them sees is
                             still there. At least max_tokens; context, if nothing is overwritten */
  uint64_t arena_bytes;   /* the most of any entry */
  uint64_t cache_bytes;   /* of one sequence */
  uint64_t weights_bytes; /* tensor bytes of the package that belongs to this code */
  uint64_t fingerprint;   /* the package that belongs to this code carries the same */
  const char *name;
  const char *target;       /* the device's name */
  const char *cpu_features; /* what the code needs, separated by blanks: "avx2 fma f16c" */
  const gemmac_entry *entries;
  uint32_t entry_count;
  uint32_t call_count; /* calls of kernels in the plan, see `parallel` */
} gemmac_model;

#ifdef __cplusplus
}
#endif
#endif
