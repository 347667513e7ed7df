/*===- rewind.c - a compiled model whose text is cut and copied -------------------------------------------===
 *
 *   rewind bard_e2b.weights
 *
 * Linked with the static library of a real model, whose rings are shorter than its context. What follows a
 * cut or a copy has the same bits as in a session that never held anything else. The package is opened from
 * memory, and one worker serves all sessions.
 */
#include "bard_e2b.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most = 700, more = 5 };

static int32_t ids[most + more];
static uint32_t vocabulary;

static void check(int right, const char *what, uint32_t held, uint32_t kept) {
  if (right)
    return;
  fprintf(stderr, "%s: of %u tokens %u\n", what, held, kept);
  exit(1);
}

static void *whole_file(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0)
    exit(2);
  *bytes = (size_t)ftell(file);
  rewind(file);
  void *memory = aligned_alloc(64, (*bytes + 63) / 64 * 64);
  if (!memory || fread(memory, 1, *bytes, file) != *bytes)
    exit(2);
  fclose(file);
  return memory;
}

/* Logits behind ids[0 … kept - 1] and then `more` others, the way `chunk` cuts them. */
static void go_on(gemmac_session *session, uint32_t kept, uint32_t held, uint32_t chunk, float *logits) {
  check(gemmac_prompt(session, ids + most, more, chunk) == GEMMAC_OK, "prompt", held, kept);
  memcpy(logits, gemmac_logits(session), vocabulary * sizeof(float));
}

static void compare(gemmac_session *session, gemmac_session *clone, uint32_t held, uint32_t kept,
                    float *logits) {
  float *expected = logits + vocabulary;
  gemmac_reset(session);
  if (kept)
    check(gemmac_prompt(session, ids, kept, 0) == GEMMAC_OK, "fresh", held, kept);
  go_on(session, kept, held, 0, expected);

  gemmac_reset(session);
  check(gemmac_prompt(session, ids, held, 0) == GEMMAC_OK, "long", held, kept);
  check(gemmac_session_truncate(session, kept) == GEMMAC_OK, "truncate", held, kept);
  check(gemmac_session_copy(clone, session) == GEMMAC_OK, "copy", held, kept);
  go_on(session, kept, held, 2, logits);
  check(memcmp(logits, expected, vocabulary * sizeof(float)) == 0, "another result after a cut", held, kept);
  go_on(clone, kept, held, 0, logits);
  check(memcmp(logits, expected, vocabulary * sizeof(float)) == 0, "another result of a copy", held, kept);
}

int main(int count, char **words) {
  if (count != 2)
    return 2;
  size_t bytes;
  void *package = whole_file(words[1], &bytes);
  gemmac_engine *engine = NULL;
  gemmac_worker *worker = NULL;
  gemmac_session *session = NULL, *clone = NULL;
  gemmac_session_options options;
  gemmac_error error;
  memset(&options, 0, sizeof(options));
  if (gemmac_open_memory(&gemmac_model_bard_e2b, package, bytes, NULL, &engine, &error) ||
      gemmac_worker_open(engine, NULL, &worker, &error))
    return fprintf(stderr, "%s\n", error.text), 1;
  options.worker = worker;
  if (gemmac_session_open(engine, &options, &session, &error) ||
      gemmac_session_open(engine, &options, &clone, &error))
    return fprintf(stderr, "%s\n", error.text), 1;
  gemmac_info info;
  gemmac_get_info(engine, &info);
  vocabulary = info.vocab_size;
  for (uint32_t i = 0; i < most + more; ++i)
    ids[i] = (int32_t)((i * 2654435761u >> 7) % vocabulary);
  float *logits = malloc(2 * vocabulary * sizeof(float));

  /* Around a window of 64, a ring of 256 positions, and two rings. */
  static const uint32_t lengths[] = {1, 63, 64, 65, 255, 256, 257, 320, 513, 700};
  uint32_t cuts = 0, refused = 0;
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
    const uint32_t held = lengths[i];
    gemmac_reset(session);
    check(gemmac_prompt(session, ids, held, 0) == GEMMAC_OK, "prompt", held, held);
    const uint32_t earliest = gemmac_session_earliest(session);
    if (earliest > 1) {
      check(gemmac_session_truncate(session, earliest - 1) == GEMMAC_OVERWRITTEN, "too far", held,
            earliest - 1);
      ++refused;
    }
    const uint32_t kept[] = {0, 1, 63, 64, 65, earliest, earliest + 1, held - 1, held};
    for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); ++k)
      if (kept[k] <= held && (kept[k] == 0 || kept[k] >= earliest)) {
        compare(session, clone, held, kept[k], logits);
        ++cuts;
      }
  }
  printf("%u cuts, %u refused\n", cuts, refused);
  gemmac_session_close(clone);
  gemmac_session_close(session);
  gemmac_worker_close(worker);
  gemmac_close(engine);
  free(logits);
  free(package);
  return 0;
}
