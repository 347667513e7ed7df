/*===- FakeModel.h - a model that is simple enough to know what it must answer
 * -------------------------------===
 *
 * Its cache keeps the tokens as they are. After tokens t0 … tn its best next token is (t0·1 + t1·2 + … +
 * tn·(n + 1) + n) mod vocabulary: any token that is lost, doubled or misplaced between steps shows. It
 * records which of the entries that a session runs are called with what; `draft` stands beside them.
 */
#ifndef GEMMAC_TEST_RUNTIME_FAKEMODEL_H
#define GEMMAC_TEST_RUNTIME_FAKEMODEL_H

#include "gemmac/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FAKE_VOCAB = 64, FAKE_CONTEXT = 48, FAKE_MAX_TOKENS = 8, FAKE_WEIGHTS = 4096 + 64, FAKE_CALLS = 256 };

extern const gemmac_model fake_model;

/* The same, for the same package, with a window: each token sees FAKE_WINDOW tokens at most, and its cache
 * keeps the last FAKE_RING of them. No calls are recorded. */
enum { FAKE_WINDOW = 5, FAKE_RING = 14 };
extern const gemmac_model fake_ring_model;

typedef struct fake_call {
  char kind; /* 'p'refill, 'd'ecode, 's'core */
  int64_t count, position;
} fake_call;

extern fake_call fake_calls[FAKE_CALLS];
extern int fake_call_count; /* FAKE_CALLS: no more are recorded */

/* Called at the begin of every step if not null. */
extern void (*fake_on_step)(void);

/* The best next token after these. */
int32_t fake_next(const int32_t *tokens, int64_t count);
int32_t fake_ring_next(const int32_t *tokens, int64_t count);

#ifdef __cplusplus
}
#endif
#endif
