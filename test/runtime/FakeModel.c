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
    fake_call call = {kind, step->count, step->sequences[0].position};
    fake_calls[fake_call_count++] = call;
  }
  /* Each token goes where its position says, but only if it sees itself. */
  const int32_t *tokens = step->inputs[0], *positions = step->inputs[1], *visible = step->inputs[2];
  for (int64_t i = 0; i < step->count; ++i)
    ((int32_t *)step->sequences[0].cache)[positions[i]] = visible[i] == positions[i] ? tokens[i] : -1;
  /* The arena is free after every step: nobody may rely on it. */
  memset(step->arena, 0xa5, step->entry->arena_bytes);
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
  const gemmac_sequence *text = &step->sequences[0];
  fill f = {step, logits, fake_next((const int32_t *)text->cache, text->position + token + 1)};
  step->parallel(step->pool, fillLogits, &f, FAKE_VOCAB, 0);
}

static void prefill(const gemmac_step *step) {
  begin(step, 'p');
}

static void decode(const gemmac_step *step) {
  begin(step, 'd');
  writeLogits(step, 0, step->outputs[0]);
}

static void score(const gemmac_step *step) {
  begin(step, 's');
  for (int64_t i = 0; i < step->count; ++i)
    writeLogits(step, i, (float *)step->outputs[0] + i * FAKE_VOCAB);
}

/* No session asks for it: ports in another order, and two outputs. */
static void draft(const gemmac_step *step) {
  const float *add = step->inputs[1];
  int32_t *next = step->outputs[0];
  float *logits = step->outputs[1];
  for (int64_t i = 0; i < step->count; ++i) {
    ((int32_t *)step->sequences[0].cache)[step->sequences[0].position + i] =
        ((const int32_t *)step->inputs[0])[i];
    next[i] = fake_next((const int32_t *)step->sequences[0].cache, step->sequences[0].position + i + 1);
    writeLogits(step, i, logits + i * FAKE_VOCAB);
    for (int32_t id = 0; id < FAKE_VOCAB; ++id)
      logits[i * FAKE_VOCAB + id] += add[id];
  }
}

static const int64_t each[] = {-1}, rows[] = {-1, FAKE_VOCAB}, row[] = {FAKE_VOCAB};
static const gemmac_port text[] = {
    {"tokens", each, GEMMAC_I32, 1}, {"positions", each, GEMMAC_I32, 1}, {"visible", each, GEMMAC_I32, 1}};
static const gemmac_port logits[] = {{"logits", rows, GEMMAC_F32, 2}};
static const gemmac_port biased[] = {{"tokens", each, GEMMAC_I32, 1}, {"bias", row, GEMMAC_F32, 1}};
static const gemmac_port drafted[] = {{"next", each, GEMMAC_I32, 1}, {"logits", rows, GEMMAC_F32, 2}};

static const gemmac_entry entries[] = {
    {"draft", biased, drafted, 2, 2, GEMMAC_FEW_TOKENS, 1, 4, 0, draft},
    {GEMMAC_PREFILL, text, 0, 3, 0, GEMMAC_MANY_TOKENS, 1, FAKE_MAX_TOKENS, 1000, prefill},
    {GEMMAC_DECODE, text, logits, 3, 1, GEMMAC_ONE_TOKEN, 1, 1, 500, decode},
    {GEMMAC_SCORE, text, logits, 3, 1, GEMMAC_MANY_TOKENS, 1, FAKE_MAX_TOKENS, 1000, score},
};

const gemmac_model fake_model = {
    .version = GEMMAC_MODEL_VERSION,
    .vocab_size = FAKE_VOCAB,
    .context = FAKE_CONTEXT,
    .max_tokens = FAKE_MAX_TOKENS,
    .ring = FAKE_CONTEXT,
    .rewind = FAKE_CONTEXT,
    .arena_bytes = 1000,
    .cache_bytes = FAKE_CONTEXT * sizeof(int32_t),
    .weights_bytes = FAKE_WEIGHTS,
    .fingerprint = 0x6665656465646665u,
    .name = "fake",
    .target = "any",
    .cpu_features = "",
    .entries = entries,
    .entry_count = sizeof(entries) / sizeof(entries[0]),
    .call_count = 1,
};

/* ---- The one with a ring: a token is kept where its position modulo FAKE_RING says. */

int32_t fake_ring_next(const int32_t *tokens, int64_t count) {
  int64_t sum = count - 1;
  for (int64_t back = 0; back < FAKE_WINDOW && back < count; ++back)
    sum += (back + 1) * tokens[count - 1 - back];
  return (int32_t)(sum % FAKE_VOCAB);
}

static void writeRing(const gemmac_step *step) {
  const int32_t *tokens = step->inputs[0], *positions = step->inputs[1];
  for (int64_t i = 0; i < step->count; ++i)
    ((int32_t *)step->sequences[0].cache)[positions[i] % FAKE_RING] = tokens[i];
  memset(step->arena, 0xa5, step->entry->arena_bytes);
}

static void readRing(const gemmac_step *step) {
  for (int64_t i = 0; i < step->count; ++i) {
    int64_t position = step->sequences[0].position + i,
            seen = position + 1 < FAKE_WINDOW ? position + 1 : FAKE_WINDOW;
    int64_t sum = position;
    for (int64_t back = 0; back < seen; ++back)
      sum += (back + 1) * ((const int32_t *)step->sequences[0].cache)[(position - back) % FAKE_RING];
    fill f = {step, (float *)step->outputs[0] + i * FAKE_VOCAB, (int32_t)(sum % FAKE_VOCAB)};
    step->parallel(step->pool, fillLogits, &f, FAKE_VOCAB, 0);
  }
}

static void ringScore(const gemmac_step *step) {
  writeRing(step);
  readRing(step);
}

static const gemmac_entry ring_entries[] = {
    {GEMMAC_PREFILL, text, 0, 3, 0, GEMMAC_MANY_TOKENS, 1, FAKE_MAX_TOKENS, 1000, writeRing},
    {GEMMAC_DECODE, text, logits, 3, 1, GEMMAC_ONE_TOKEN, 1, 1, 500, ringScore},
    {GEMMAC_SCORE, text, logits, 3, 1, GEMMAC_MANY_TOKENS, 1, FAKE_MAX_TOKENS, 1000, ringScore},
};

const gemmac_model fake_ring_model = {
    .version = GEMMAC_MODEL_VERSION,
    .vocab_size = FAKE_VOCAB,
    .context = FAKE_CONTEXT,
    .max_tokens = FAKE_MAX_TOKENS,
    .ring = FAKE_RING,
    .rewind = FAKE_RING - FAKE_WINDOW + 1,
    .arena_bytes = 1000,
    .cache_bytes = FAKE_CONTEXT * sizeof(int32_t),
    .weights_bytes = FAKE_WEIGHTS,
    .fingerprint = 0x6665656465646665u,
    .name = "fake",
    .target = "any",
    .cpu_features = "",
    .entries = ring_entries,
    .entry_count = sizeof(ring_entries) / sizeof(ring_entries[0]),
    .call_count = 1,
};
