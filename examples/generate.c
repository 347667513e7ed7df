/*===- generate.c - a compiled model inside a C program ---------------------------------------===
 *
 *   gemmac compile examples/bard-e2b --emit=lib -o bard
 *   cc examples/generate.c -Ibard bard/libbard_e2b.a -lpthread -lm -o generate
 *   ./generate bard/bard_e2b.weights "ROMEO:" 60
 */
#include "bard_e2b.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most_ids = 1024 };

/* Text comes as soon as it is whole characters. */
static int show(void *user, int32_t id, const char *text, size_t bytes) {
  (void)user;
  (void)id;
  return fwrite(text, 1, bytes, stdout) != bytes || fflush(stdout) != 0;
}

static gemmac_status continue_text(const gemmac_engine *engine, gemmac_session *session, const char *text,
                                   uint32_t tokens) {
  int32_t ids[most_ids];
  size_t count;
  gemmac_status status = gemmac_tokenize(session, text, strlen(text), GEMMAC_ADD_BOS, ids, most_ids, &count);
  if (status == GEMMAC_OK)
    status = gemmac_prompt(session, ids, count, 0);
  if (status != GEMMAC_OK)
    return status;

  gemmac_generation generation;
  memset(&generation, 0, sizeof(generation));
  gemmac_default_sampling(engine, &generation.sampling);
  generation.sampling.temperature = 0; /* always the best token: the same text on every run */
  generation.max_tokens = tokens;
  generation.on_token = show;
  gemmac_result result;
  status = gemmac_generate(session, &generation, &result);
  if (status == GEMMAC_OK)
    fprintf(stderr, "%s after %u tokens\n", gemmac_finish_name(result.finish), result.tokens);
  return status;
}

int main(int count, char **words) {
  if (count != 4) {
    fprintf(stderr, "usage: %s WEIGHTS TEXT TOKENS\n", words[0]);
    return 2;
  }
  gemmac_engine *engine = NULL;
  gemmac_session *session = NULL;
  gemmac_error error;
  if (gemmac_open(&gemmac_model_bard_e2b, words[1], NULL, &engine, &error) != GEMMAC_OK ||
      gemmac_session_open(engine, NULL, &session, &error) != GEMMAC_OK) {
    fprintf(stderr, "%s\n", error.text);
    gemmac_close(engine);
    return 1;
  }
  gemmac_status status = continue_text(engine, session, words[2], (uint32_t)strtoul(words[3], NULL, 10));
  if (status != GEMMAC_OK)
    fprintf(stderr, "%s\n", gemmac_last_error(session));
  printf("\n");
  gemmac_session_close(session);
  gemmac_close(engine);
  return status == GEMMAC_OK ? 0 : 1;
}
