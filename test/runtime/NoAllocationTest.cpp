// Nothing is allocated after a session is open: this program counts what the C library is asked for.

#include "FakeModel.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"

#include <gtest/gtest.h>

#include <atomic>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static std::atomic<int> allocations{0};

#if !defined(__has_feature)
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||     \
    __has_feature(thread_sanitizer)
static const bool counting = false;
#else
static const bool counting = true;

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

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
void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  ++allocations;
  return reinterpret_cast<void *>(syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}
}
#endif

using namespace gemmac;

TEST(NoAllocation, AfterOpen) {
  if (!counting)
    GTEST_SKIP() << "a sanitizer owns malloc";
  test::TemporaryFile file("allocation.weights", test::write(test::fakeContents()));
  gemmac_engine *engine = nullptr;
  gemmac_session *session = nullptr;
  gemmac_session_options options = {};
  options.threads = 4;
  ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, nullptr), GEMMAC_OK);
  const int before = allocations;
  ASSERT_GT(before, 0) << "the counter counts";
  ASSERT_EQ(gemmac_session_open(engine, &options, &session, nullptr), GEMMAC_OK);
  const int opened = allocations;
  EXPECT_GT(opened, before) << "a session takes its pages through mmap";
  gemmac_worker *worker = nullptr;
  gemmac_session *other = nullptr;
  ASSERT_EQ(gemmac_worker_open(engine, nullptr, &worker, nullptr), GEMMAC_OK);
  options.worker = worker;
  ASSERT_EQ(gemmac_session_open(engine, &options, &other, nullptr), GEMMAC_OK);
  const int open = allocations;
  EXPECT_GT(open, opened + 1) << "and so does a worker";

  gemmac_status status = GEMMAC_OK;
  for (int round = 0; round < 20 && status == GEMMAC_OK; ++round) {
    gemmac_reset(session);
    int32_t ids[32];
    float logits[4 * FAKE_VOCAB];
    char text[256];
    size_t count = 0, bytes = 0;
    gemmac_generation generation = {};
    generation.sampling = {0.8f, 10, 0.9f, 0.05f, 1.1f, uint64_t(round)};
    generation.max_tokens = 10;
    generation.ignore_stop = 1;
    generation.on_token = [](void *, int32_t, const char *, size_t) { return 0; };
    status = gemmac_tokenize(session, "a bad cab", 9, GEMMAC_ADD_BOS, ids, 32, &count);
    status = status ? status : gemmac_prompt(session, ids, count, 3);
    status = status ? status : gemmac_score(session, ids, 4, 2, logits);
    status = status ? status : gemmac_generate(session, &generation, nullptr);
    gemmac_candidate candidates[FAKE_VOCAB];
    uint64_t random = gemmac_random(1);
    status = status ? status : gemmac_session_copy(other, session);
    status = status ? status : gemmac_session_truncate(other, 5);
    status = status ? status : gemmac_prompt(other, ids, 3, 0);
    status = status ? status : gemmac_distribution(other, nullptr, nullptr, candidates, FAKE_VOCAB, &bytes);
    gemmac_draw(candidates, bytes, &random);
    status = status ? status : gemmac_session_use(session, round % 2 ? worker : nullptr);
    status = status ? status : gemmac_detokenize(session, ids, count, 0, text, sizeof(text), &bytes);
  }
  const int after = allocations;
  EXPECT_EQ(status, GEMMAC_OK) << gemmac_last_error(session);
  EXPECT_EQ(after, open);
  gemmac_session_close(session);
  gemmac_session_close(other);
  gemmac_worker_close(worker);
  gemmac_close(engine);
}
