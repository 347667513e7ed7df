// What gemmac.h promises of every call: null handles, buffers that are too small, cancels that come late.

#include "FakeTexts.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

using namespace gemmac;
using gemmac::test::collect, gemmac::test::firstIds;

namespace {

struct PromisesTest : testing::Test {
  void SetUp() override {
    fake_call_count = FAKE_CALLS; // none is recorded
    ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, nullptr), GEMMAC_OK);
    gemmac_session_options options = {};
    options.threads = 1;
    ASSERT_EQ(gemmac_session_open(engine, &options, &session, nullptr), GEMMAC_OK);
    steps = 0;
  }
  void TearDown() override {
    fake_on_step = nullptr;
    gemmac_session_close(session);
    gemmac_close(engine);
  }

  gemmac_status prompt(const std::vector<int32_t> &ids, uint32_t chunk = 0) {
    return gemmac_prompt(session, ids.data(), ids.size(), chunk);
  }
  /// A cancel comes while step `step` of the following calls runs, counted from 1.
  void cancelInStep(int step) {
    static PromisesTest *self;
    static int wanted;
    self = this;
    wanted = step;
    steps = 0;
    fake_on_step = [] {
      if (++self->steps == wanted)
        gemmac_cancel(self->session);
    };
  }
  static gemmac_generation greedy(uint32_t count) {
    gemmac_generation generation = {};
    generation.sampling = {0, 0, 1, 0, 1, 0};
    generation.max_tokens = count;
    generation.ignore_stop = 1;
    return generation;
  }

  test::TemporaryFile file{"promises.weights", test::write(test::fakeContents())};
  gemmac_engine *engine = nullptr;
  gemmac_session *session = nullptr;
  int steps = 0;
};

// ---- Null

TEST_F(PromisesTest, ANullHandleIsAnInvalidArgument) {
  gemmac_info info;
  gemmac_sampling sampling = {0, 0, 1, 0, 1, 0};
  gemmac_result result;
  gemmac_candidate candidate;
  float logits[FAKE_VOCAB];
  int32_t id = 1;
  char text[8];
  size_t count = 0;
  for (gemmac_status status :
       {gemmac_get_info(nullptr, &info), gemmac_get_info(engine, nullptr),
        gemmac_default_sampling(nullptr, &sampling), gemmac_default_sampling(engine, nullptr),
        gemmac_reset(nullptr), gemmac_session_use(nullptr, nullptr), gemmac_session_truncate(nullptr, 0),
        gemmac_session_copy(nullptr, session), gemmac_session_copy(session, nullptr),
        gemmac_tokenize(nullptr, "a", 1, 0, &id, 1, &count),
        gemmac_detokenize(nullptr, &id, 1, 0, text, 8, &count), gemmac_prompt(nullptr, &id, 1, 0),
        gemmac_score(nullptr, &id, 1, 0, logits),
        gemmac_distribution(nullptr, logits, &sampling, &candidate, 1, &count),
        gemmac_generate(nullptr, nullptr, &result)})
    EXPECT_EQ(status, GEMMAC_INVALID_ARGUMENT);
}

TEST_F(PromisesTest, WhatHasNoStatusSaysNothingOfANullHandle) {
  EXPECT_EQ(gemmac_worker_bytes(nullptr), 0u);
  EXPECT_EQ(gemmac_session_bytes(nullptr), 0u);
  EXPECT_STREQ(gemmac_last_error(nullptr), "");
  EXPECT_EQ(gemmac_position(nullptr), 0u);
  EXPECT_EQ(gemmac_session_earliest(nullptr), 0u);
  EXPECT_EQ(gemmac_logits(nullptr), nullptr);
  gemmac_cancel(nullptr);
  gemmac_close(nullptr);
  gemmac_worker_close(nullptr);
  gemmac_session_close(nullptr);
  uint64_t random = 1;
  EXPECT_EQ(gemmac_draw(nullptr, 1, &random), -1);
  gemmac_candidate candidate = {1, 1.0};
  EXPECT_EQ(gemmac_draw(&candidate, 1, nullptr), -1);
}

// ---- Buffers that are too small

TEST_F(PromisesTest, IdsThatDoNotFitAreNotWritten) {
  const std::string text = "a bad cab, a bad cab";
  size_t needed = 0;
  ASSERT_EQ(gemmac_tokenize(session, text.data(), text.size(), GEMMAC_ADD_BOS, nullptr, 0, &needed),
            GEMMAC_BUFFER_TOO_SMALL);
  std::vector<int32_t> ids(needed + 1, -7);
  for (size_t room = 0; room < needed; ++room) {
    size_t count = 0;
    EXPECT_EQ(gemmac_tokenize(session, text.data(), text.size(), GEMMAC_ADD_BOS, ids.data(), room, &count),
              GEMMAC_BUFFER_TOO_SMALL);
    EXPECT_EQ(count, needed);
    EXPECT_EQ(ids, std::vector<int32_t>(needed + 1, -7)) << room;
  }
  size_t count = 0;
  EXPECT_EQ(gemmac_tokenize(session, text.data(), text.size(), GEMMAC_ADD_BOS, ids.data(), needed, &count),
            GEMMAC_OK);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), -7), 1);
}

// Chat templates write bos, and tokenizers add it.
TEST_F(PromisesTest, ATextThatNamesBosFirstGetsNoOther) {
  using Ids = std::vector<int32_t>;
  auto encoded = [&](const std::string &text, uint32_t flags) {
    Ids ids(text.size() + 1);
    size_t count = 0;
    EXPECT_EQ(gemmac_tokenize(session, text.data(), text.size(), flags, ids.data(), ids.size(), &count),
              GEMMAC_OK);
    ids.resize(count);
    return ids;
  };
  const int32_t bos = 2, a = 5;
  EXPECT_EQ(encoded("a", GEMMAC_ADD_BOS), (Ids{bos, a}));
  EXPECT_EQ(encoded("<bos>a", GEMMAC_ADD_BOS), (Ids{bos, a}));
  EXPECT_EQ(encoded("<bos>", GEMMAC_ADD_BOS), (Ids{bos}));
  EXPECT_EQ(encoded("", GEMMAC_ADD_BOS), (Ids{bos}));
  EXPECT_EQ(encoded("<bos>a", 0), (Ids{bos, a}));
  EXPECT_EQ(encoded("a<bos>", GEMMAC_ADD_BOS), (Ids{bos, a, bos})) << "only at the beginning";
  EXPECT_EQ(encoded("<bos><bos>a", GEMMAC_ADD_BOS), (Ids{bos, bos, a})) << "as it is written";
  const Ids letters = encoded("<bos>", GEMMAC_PLAIN), all = encoded("<bos>", GEMMAC_ADD_BOS | GEMMAC_PLAIN);
  EXPECT_EQ(all.size(), letters.size() + 1) << "five letters are no bos";
  EXPECT_EQ(all.front(), bos);
}

TEST_F(PromisesTest, TextThatDoesNotFitIsNotWritten) {
  const std::vector<int32_t> ids = firstIds(12);
  size_t needed = 0;
  ASSERT_EQ(gemmac_detokenize(session, ids.data(), ids.size(), 0, nullptr, 0, &needed),
            GEMMAC_BUFFER_TOO_SMALL);
  std::string text(needed, '\1');
  for (size_t room = 0; room < needed; ++room) {
    size_t bytes = 0;
    EXPECT_EQ(gemmac_detokenize(session, ids.data(), ids.size(), 0, text.data(), room, &bytes),
              GEMMAC_BUFFER_TOO_SMALL);
    EXPECT_EQ(bytes, needed);
    EXPECT_EQ(text, std::string(needed, '\1')) << room;
  }
  size_t bytes = 0;
  EXPECT_EQ(gemmac_detokenize(session, ids.data(), ids.size(), 0, text.data(), needed, &bytes), GEMMAC_OK);
  EXPECT_EQ(text.find('\1'), std::string::npos);
}

TEST_F(PromisesTest, AFailureLeavesResultsAlone) {
  gemmac_result result = {77, GEMMAC_FINISH_CALLBACK};
  EXPECT_EQ(gemmac_generate(session, nullptr, &result), GEMMAC_NO_PROMPT);
  EXPECT_EQ(result.tokens, 77u);
  std::vector<float> nothing(FAKE_VOCAB, NAN);
  gemmac_candidate candidates[FAKE_VOCAB];
  size_t count = 77;
  EXPECT_EQ(gemmac_distribution(session, nothing.data(), nullptr, candidates, FAKE_VOCAB, &count),
            GEMMAC_BAD_LOGITS);
  EXPECT_EQ(count, 77u);
}

// ---- Cancels

TEST_F(PromisesTest, ACancelInAnyStepEndsThePromptAndNoOtherCall) {
  const std::vector<int32_t> ids = firstIds(20);
  for (int step : {1, 2, 3, 4}) { // 8, 8 and 3 tokens, then the last
    ASSERT_EQ(gemmac_reset(session), GEMMAC_OK);
    cancelInStep(step);
    EXPECT_EQ(prompt(ids), GEMMAC_CANCELLED) << step;
    fake_on_step = nullptr;
    const uint32_t held = gemmac_position(session);
    EXPECT_EQ(held, step == 4 ? 20u : std::min(8u * step, 19u));
    EXPECT_EQ(gemmac_logits(session) != nullptr, step == 4);
    if (step < 4)
      EXPECT_EQ(gemmac_prompt(session, ids.data() + held, ids.size() - held, 0), GEMMAC_OK) << step;
    const float *logits = gemmac_logits(session);
    ASSERT_NE(logits, nullptr);
    EXPECT_EQ(std::max_element(logits, logits + FAKE_VOCAB) - logits, fake_next(ids.data(), 20));
  }
}

TEST_F(PromisesTest, ACancelInTheLastStepEndsTheScore) {
  const std::vector<int32_t> ids = firstIds(12);
  std::vector<float> logits(ids.size() * FAKE_VOCAB);
  cancelInStep(2);
  EXPECT_EQ(gemmac_score(session, ids.data(), ids.size(), 0, logits.data()), GEMMAC_CANCELLED);
  fake_on_step = nullptr;
  EXPECT_EQ(gemmac_position(session), 12u);
  EXPECT_EQ(prompt({1}), GEMMAC_OK);
}

TEST_F(PromisesTest, ACancelInAnyOnTokenEndsTheGenerationAndNoOtherCall) {
  struct User {
    gemmac_session *session;
    uint32_t tokens, at;
    int ends;
  };
  for (uint32_t at : {1, 3, 5})
    for (int ends : {0, 1}) {
      ASSERT_EQ(gemmac_reset(session), GEMMAC_OK);
      ASSERT_EQ(prompt(firstIds(4)), GEMMAC_OK);
      User user = {session, 0, at, ends};
      gemmac_generation generation = greedy(5);
      generation.user = &user;
      generation.on_token = [](void *pointer, int32_t id, const char *, size_t) {
        User &self = *static_cast<User *>(pointer);
        if (id < 0 || ++self.tokens != self.at)
          return 0;
        gemmac_cancel(self.session);
        return self.ends;
      };
      gemmac_result result = {};
      EXPECT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_CANCELLED) << at;
      EXPECT_EQ(result.tokens, at);
      EXPECT_EQ(result.finish, GEMMAC_FINISH_CANCELLED);
      EXPECT_EQ(prompt({2}), GEMMAC_OK) << gemmac_last_error(session);
    }
}

TEST_F(PromisesTest, TwoCancelsEndOneCall) {
  cancelInStep(1);
  gemmac_cancel(session);
  EXPECT_EQ(prompt(firstIds(3)), GEMMAC_CANCELLED) << "before its first step";
  EXPECT_EQ(steps, 0);
  ASSERT_EQ(prompt(firstIds(3)), GEMMAC_CANCELLED) << "in it";
  fake_on_step = nullptr;
  EXPECT_EQ(prompt({1}), GEMMAC_OK);
}

TEST_F(PromisesTest, AResetDuringACallIsRefused) {
  static gemmac_session *running;
  running = session;
  fake_on_step = [] { EXPECT_EQ(gemmac_reset(running), GEMMAC_BUSY); };
  EXPECT_EQ(prompt(firstIds(20)), GEMMAC_OK);
  EXPECT_EQ(gemmac_position(session), 20u);
}

// ---- Why a generation ended

TEST_F(PromisesTest, AFullContextGeneratesNothingAndSaysSo) {
  ASSERT_EQ(prompt(firstIds(FAKE_CONTEXT)), GEMMAC_OK);
  gemmac_result result = {77, GEMMAC_FINISH_LENGTH};
  const gemmac_generation generation = greedy(3);
  EXPECT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.tokens, 0u);
  EXPECT_EQ(result.finish, GEMMAC_FINISH_CONTEXT);
}

TEST_F(PromisesTest, EveryReasonHasAName) {
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_LENGTH), "limit");
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_STOP), "stop");
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_CONTEXT), "context full");
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_CALLBACK), "callback");
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_CANCELLED), "cancelled");
  EXPECT_STREQ(gemmac_finish_name(GEMMAC_FINISH_BAD_LOGITS), "bad logits");
  EXPECT_STREQ(gemmac_finish_name(static_cast<gemmac_finish>(99)), "unknown reason");
}

} // namespace
