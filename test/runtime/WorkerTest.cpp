// One worker serves many sessions, one call after another.

#include "FakeModel.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

using namespace gemmac;

namespace {

struct WorkerTest : testing::Test {
  void SetUp() override {
    fake_call_count = FAKE_CALLS; // none is recorded
    gemmac_error error = {};
    ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, &error), GEMMAC_OK) << error.text;
    gemmac_worker_options options = {};
    options.threads = 2;
    ASSERT_EQ(gemmac_worker_open(engine, &options, &worker, &error), GEMMAC_OK) << error.text;
    for (gemmac_session *&session : sessions)
      session = open(worker);
  }
  void TearDown() override {
    fake_on_step = nullptr;
    for (gemmac_session *session : sessions)
      gemmac_session_close(session);
    gemmac_worker_close(worker);
    gemmac_close(engine);
  }
  gemmac_session *open(gemmac_worker *of) {
    gemmac_session_options options = {};
    options.threads = 1;
    options.worker = of;
    gemmac_session *session = nullptr;
    gemmac_error error = {};
    EXPECT_EQ(gemmac_session_open(engine, &options, &session, &error), GEMMAC_OK) << error.text;
    return session;
  }
  static gemmac_status prompt(gemmac_session *session, const std::vector<int32_t> &ids) {
    return gemmac_prompt(session, ids.data(), ids.size(), 3);
  }
  static int32_t best(gemmac_session *session) {
    const float *logits = gemmac_logits(session);
    return logits ? static_cast<int32_t>(std::max_element(logits, logits + FAKE_VOCAB) - logits) : -1;
  }

  test::TemporaryFile file{"worker.weights", test::write(test::fakeContents())};
  gemmac_engine *engine = nullptr;
  gemmac_worker *worker = nullptr;
  gemmac_session *sessions[3] = {};
};

TEST_F(WorkerTest, ServesSessionsInTurns) {
  std::vector<int32_t> texts[3];
  for (int round = 0; round < 4; ++round)
    for (int i = 0; i < 3; ++i) {
      std::vector<int32_t> more = {i + 1, round, (i * 7 + round) % FAKE_VOCAB, 5};
      texts[i].insert(texts[i].end(), more.begin(), more.end());
      ASSERT_EQ(prompt(sessions[i], more), GEMMAC_OK);
      EXPECT_EQ(best(sessions[i]), fake_next(texts[i].data(), static_cast<int64_t>(texts[i].size())));
    }
  // Logits are the session's: what the worker ran in between has not touched them.
  EXPECT_EQ(best(sessions[0]), fake_next(texts[0].data(), static_cast<int64_t>(texts[0].size())));
}

TEST_F(WorkerTest, ASessionMovesToAnotherWorkerAndBack) {
  gemmac_worker *other = nullptr;
  ASSERT_EQ(gemmac_worker_open(engine, nullptr, &other, nullptr), GEMMAC_OK);
  const std::vector<int32_t> ids = {9, 4, 7, 1, 1, 6};
  ASSERT_EQ(gemmac_prompt(sessions[0], ids.data(), 3, 0), GEMMAC_OK);
  ASSERT_EQ(gemmac_session_use(sessions[0], other), GEMMAC_OK);
  gemmac_session *own = open(nullptr);
  ASSERT_EQ(gemmac_session_use(own, other), GEMMAC_OK);
  ASSERT_EQ(gemmac_prompt(sessions[0], ids.data() + 3, 3, 0), GEMMAC_OK);
  EXPECT_EQ(best(sessions[0]), fake_next(ids.data(), 6));

  EXPECT_EQ(gemmac_session_use(sessions[0], nullptr), GEMMAC_INVALID_ARGUMENT);
  EXPECT_STREQ(gemmac_last_error(sessions[0]), "the session has no worker of its own");
  EXPECT_EQ(gemmac_session_use(sessions[0], worker), GEMMAC_OK);
  EXPECT_EQ(gemmac_session_use(own, nullptr), GEMMAC_OK);
  gemmac_worker_close(other);
  EXPECT_EQ(prompt(own, ids), GEMMAC_OK);
  EXPECT_EQ(best(own), fake_next(ids.data(), 6));
  gemmac_session_close(own);
}

// While one call runs, every other one that needs the worker, or what the call changes, is refused.
TEST_F(WorkerTest, BusyIsAStatus) {
  static WorkerTest *self;
  static std::vector<gemmac_status> found;
  self = this;
  found.clear();
  ASSERT_EQ(prompt(sessions[1], {3, 4}), GEMMAC_OK);
  fake_on_step = [] {
    if (!found.empty())
      return;
    std::thread([] {
      int32_t ids[8];
      size_t count = 0;
      gemmac_candidate candidates[FAKE_VOCAB];
      gemmac_session *running = self->sessions[0], *waiting = self->sessions[1];
      found = {prompt(waiting, {1}),
               gemmac_tokenize(waiting, "a", 1, 0, ids, 8, &count),
               gemmac_generate(waiting, nullptr, nullptr),
               gemmac_distribution(waiting, nullptr, nullptr, candidates, FAKE_VOCAB, &count),
               prompt(running, {1}),
               gemmac_session_truncate(running, 0),
               gemmac_session_copy(waiting, running),
               gemmac_session_copy(running, waiting),
               gemmac_session_use(running, self->worker)};
    }).join();
  };
  const std::vector<int32_t> ids = {1, 2, 3, 4};
  ASSERT_EQ(prompt(sessions[0], ids), GEMMAC_OK);
  EXPECT_EQ(found, std::vector<gemmac_status>(9, GEMMAC_BUSY));
  EXPECT_STREQ(gemmac_last_error(sessions[1]), "the worker runs a call of another session");
  EXPECT_EQ(best(sessions[0]), fake_next(ids.data(), 4)) << "and nothing has happened";
  EXPECT_EQ(gemmac_position(sessions[1]), 2u);
  fake_on_step = nullptr;
  EXPECT_EQ(prompt(sessions[1], {1}), GEMMAC_OK) << "free again";
}

TEST_F(WorkerTest, ACallFromOnTokenIsRefused) {
  ASSERT_EQ(prompt(sessions[0], {1, 2}), GEMMAC_OK);
  gemmac_generation generation = {};
  generation.sampling.top_p = generation.sampling.repetition_penalty = 1;
  generation.max_tokens = 3;
  generation.ignore_stop = 1;
  generation.user = sessions[0];
  generation.on_token = [](void *user, int32_t, const char *, size_t) {
    const int32_t id = 1;
    EXPECT_EQ(gemmac_prompt(static_cast<gemmac_session *>(user), &id, 1, 0), GEMMAC_BUSY);
    return 0;
  };
  gemmac_result result = {};
  EXPECT_EQ(gemmac_generate(sessions[0], &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.tokens, 3u);
}

TEST_F(WorkerTest, CallersMemory) {
  std::vector<uint8_t, test::AlignedAllocator<uint8_t>> ofWorker(gemmac_worker_bytes(engine)),
      ofSession(gemmac_session_bytes(engine));
  gemmac_worker_options options = {2, ofWorker.data(), ofWorker.size()};
  gemmac_worker *other = nullptr;
  gemmac_error error = {};
  ASSERT_EQ(gemmac_worker_open(engine, &options, &other, &error), GEMMAC_OK) << error.text;
  gemmac_session_options sessionOptions = {0, ofSession.data(), ofSession.size(), other};
  gemmac_session *session = nullptr;
  ASSERT_EQ(gemmac_session_open(engine, &sessionOptions, &session, &error), GEMMAC_OK) << error.text;
  const std::vector<int32_t> ids = {9, 4, 7, 1, 1, 6};
  EXPECT_EQ(prompt(session, ids), GEMMAC_OK);
  EXPECT_EQ(best(session), fake_next(ids.data(), 6));
  gemmac_session_close(session);
  gemmac_worker_close(other);

  options.memory_bytes -= 1;
  EXPECT_EQ(gemmac_worker_open(engine, &options, &other, &error), GEMMAC_OUT_OF_MEMORY);
  options = {GEMMAC_MAX_THREADS + 1, nullptr, 0};
  EXPECT_EQ(gemmac_worker_open(engine, &options, &other, &error), GEMMAC_INVALID_ARGUMENT);
  // Without a worker of another, the session's memory has room for its own too.
  sessionOptions.worker = nullptr;
  EXPECT_EQ(gemmac_session_open(engine, &sessionOptions, &session, &error), GEMMAC_OUT_OF_MEMORY);
}

TEST_F(WorkerTest, OfAnotherEngineIsRefused) {
  gemmac_engine *other = nullptr;
  gemmac_session *session = nullptr;
  gemmac_error error = {};
  ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &other, nullptr), GEMMAC_OK);
  gemmac_session_options options = {};
  options.worker = worker;
  EXPECT_EQ(gemmac_session_open(other, &options, &session, &error), GEMMAC_INVALID_ARGUMENT);
  EXPECT_STREQ(error.text, "the worker is another engine's than the session");
  EXPECT_EQ(gemmac_worker_open(nullptr, nullptr, nullptr, &error), GEMMAC_INVALID_ARGUMENT);
  gemmac_worker_close(nullptr);
  gemmac_close(other);
}

} // namespace
