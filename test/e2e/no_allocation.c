/*===- no_allocation.c - a compiled model that counts what it asks the system for ------------------===
 *
 *   no_allocation bard_e2b.weights THREADS
 *
 * Linked with the static library of a real model. Nothing may be allocated between the opening of a session
 * and its close; the counters count, as opening shows.
 */
#define _GNU_SOURCE
#include "bard_e2b.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int allocations;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
  ++allocations;
  return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
  ++allocations;
  *result = __libc_memalign(alignment, bytes);
  return *result ? 0 : 12;
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  ++allocations;
  return (void *)syscall(SYS_mmap, address, bytes, protection, flags, file, offset);
}

static int drop(void *user, int32_t id, const char *text, size_t bytes) {
  (void)user, (void)id, (void)text, (void)bytes;
  return 0;
}

static gemmac_status speak(gemmac_session *session, uint64_t seed, uint32_t *tokens) {
  static const char text[] = "ROMEO:\nWhat light";
  int32_t ids[64];
  char written[256];
  size_t count = 0, bytes = 0;
  gemmac_generation generation;
  gemmac_result result = {0, GEMMAC_FINISH_LENGTH};
  memset(&generation, 0, sizeof(generation));
  generation.sampling = (gemmac_sampling){0.8f, 40, 0.9f, 0.02f, 1.1f, seed};
  generation.max_tokens = 40;
  generation.ignore_stop = 1;
  generation.on_token = drop;
  gemmac_reset(session);
  gemmac_status status = gemmac_tokenize(session, text, sizeof(text) - 1, GEMMAC_ADD_BOS, ids, 64, &count);
  if (!status)
    status = gemmac_prompt(session, ids, count, seed % 2 ? 3 : 0);
  if (!status)
    status = gemmac_generate(session, &generation, &result);
  if (!status)
    status = gemmac_detokenize(session, ids, count, 0, written, sizeof(written), &bytes);
  *tokens += result.tokens;
  return status;
}

int main(int count, char **words) {
  if (count != 3)
    return 2;
  gemmac_engine *engine = NULL;
  gemmac_session *session = NULL;
  gemmac_session_options options = {.threads = (uint32_t)atoi(words[2])};
  gemmac_error error;
  if (gemmac_open(&gemmac_model_bard_e2b, words[1], NULL, &engine, &error) ||
      gemmac_session_open(engine, &options, &session, &error)) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  int opened = allocations;
  uint32_t tokens = 0;
  gemmac_status status = GEMMAC_OK;
  for (uint64_t round = 0; round < 3 && !status; ++round)
    status = speak(session, round, &tokens);
  int after = allocations - opened;
  if (status)
    fprintf(stderr, "%s\n", gemmac_last_error(session));
  gemmac_session_close(session);
  gemmac_close(engine);
  printf("%s threads: %d allocations to open, %d for %u tokens\n", words[2], opened, after, tokens);
  return status || after || !opened || tokens != 3 * 40;
}
