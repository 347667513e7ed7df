#include "FakeModel.h"

#include <string.h>

fake_call fake_calls[FAKE_CALLS];
int fake_call_count = 0;
void (*fake_on_step)(void) = 0;

int32_t fake_next(const int32_t *tokens, int64_t count) {
  int64_t sum = count - 1;
  for (int64_t i = 0; i < count; ++i)
    sum += (i + 1) * tokens[i];
  return (int32_t)(sum % FAKE_VOCAB);
}

static void begin(const gemmac_step *step, char kind) {
  if (fake_on_step)
    fake_on_step();
  if (fake_call_count < FAKE_CALLS) {
    fake_call call = {kind, step->count, step->position};
    fake_calls[fake_call_count++] = call;
  }
  memcpy((int32_t *)step->cache + step->position, step->tokens, step->count * sizeof(int32_t));
  /* The arena is free after every step: nobody may rely on it. */
  memset(step->arena, 0xa5, fake_model.arena_bytes);
}

typedef struct fill {
  const gemmac_step *step;
  float *logits;
  int32_t next;
} fill;

/* Weights are zero: adding one shows that they are mapped where the step says. */
static void fillLogits(void *arguments, int32_t first, int32_t end) {
  const fill *f = (const fill *)arguments;
  for (int32_t i = first; i < end; ++i)
    f->logits[i] = (i == f->next ? 4.0f : -(float)((i * 7) % 5)) + f->step->weights[4096 + i % 64];
}

static void writeLogits(const gemmac_step *step, int64_t token, float *logits) {
  fill f = {step, logits, fake_next((const int32_t *)step->cache, step->position + token + 1)};
  step->parallel(step->pool, fillLogits, &f, FAKE_VOCAB);
}

static void prefill(const gemmac_step *step) {
  begin(step, 'p');
}

static void decode(const gemmac_step *step) {
  begin(step, 'd');
  writeLogits(step, 0, step->logits);
}

static void score(const gemmac_step *step) {
  begin(step, 's');
  for (int64_t i = 0; i < step->count; ++i)
    writeLogits(step, i, step->logits + i * FAKE_VOCAB);
}

const gemmac_model fake_model = {
    .version = GEMMAC_MODEL_VERSION,
    .vocab_size = FAKE_VOCAB,
    .context = FAKE_CONTEXT,
    .max_tokens = FAKE_MAX_TOKENS,
    .arena_bytes = 1000,
    .cache_bytes = FAKE_CONTEXT * sizeof(int32_t),
    .weights_bytes = FAKE_WEIGHTS,
    .fingerprint = 0x6665656465646665u,
    .name = "fake",
    .target = "any",
    .cpu_features = "",
    .prefill = prefill,
    .decode = decode,
    .score = score,
};
