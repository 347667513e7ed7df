#include "FakeTexts.h"
#include "TestPackage.h"

#include "gemmac/gemmac.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

using namespace gemmac;
using gemmac::test::collect, gemmac::test::firstIds;

namespace {

/// What greedy generation gives after these ids.
std::vector<int32_t> continuation(std::vector<int32_t> ids, int count) {
  size_t given = ids.size();
  for (int i = 0; i < count; ++i)
    ids.push_back(fake_next(ids.data(), ids.size()));
  return {ids.begin() + given, ids.end()};
}

std::string calls() {
  std::string text;
  for (int i = 0; i < fake_call_count; ++i)
    text += fake_calls[i].kind + std::to_string(fake_calls[i].count) + "@" +
            std::to_string(fake_calls[i].position) + " ";
  return text;
}

struct SessionTest : testing::Test {
  void SetUp() override {
    fake_call_count = 0;
    fake_on_step = nullptr;
    gemmac_error error = {};
    ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, &error), GEMMAC_OK) << error.text;
    gemmac_session_options options = {};
    options.threads = 2;
    ASSERT_EQ(gemmac_session_open(engine, &options, &session, &error), GEMMAC_OK) << error.text;
  }
  void TearDown() override {
    gemmac_session_close(session);
    gemmac_close(engine);
    fake_on_step = nullptr;
  }

  gemmac_status prompt(const std::vector<int32_t> &ids, uint32_t chunk = 0) {
    return gemmac_prompt(session, ids.data(), ids.size(), chunk);
  }
  /// Greedy, stop tokens ignored.
  std::vector<int32_t> generate(uint32_t count, gemmac_status expected = GEMMAC_OK) {
    std::vector<int32_t> ids;
    gemmac_generation generation = greedy(count);
    generation.on_token = collect;
    generation.user = &ids;
    EXPECT_EQ(gemmac_generate(session, &generation, nullptr), expected) << gemmac_last_error(session);
    return ids;
  }
  static gemmac_generation greedy(uint32_t count) {
    gemmac_generation generation = {};
    generation.sampling = {0, 0, 1, 0, 1, 0};
    generation.max_tokens = count;
    generation.ignore_stop = 1;
    return generation;
  }
  int32_t best() const {
    const float *logits = gemmac_logits(session);
    return logits ? std::max_element(logits, logits + FAKE_VOCAB) - logits : -1;
  }

  test::TemporaryFile file{"session.weights", test::write(test::fakeContents())};
  gemmac_engine *engine = nullptr;
  gemmac_session *session = nullptr;
};

// ---- Prompts

TEST_F(SessionTest, PromptIsPrefillOfAllButLastThenDecode) {
  ASSERT_EQ(prompt(firstIds(20)), GEMMAC_OK);
  EXPECT_EQ(calls(), "p8@0 p8@8 p3@16 d1@19 ");
  EXPECT_EQ(gemmac_position(session), 20u);
}

TEST_F(SessionTest, PromptOfOneTokenIsOneDecode) {
  ASSERT_EQ(prompt({5}), GEMMAC_OK);
  EXPECT_EQ(calls(), "d1@0 ");
}

TEST_F(SessionTest, ChunksOfAnySizeGiveTheSame) {
  std::vector<int32_t> ids = firstIds(20);
  for (uint32_t chunk : {0, 1, 2, 3, 7, 8}) {
    gemmac_reset(session);
    ASSERT_EQ(prompt(ids, chunk), GEMMAC_OK);
    EXPECT_EQ(best(), fake_next(ids.data(), ids.size())) << chunk;
    EXPECT_EQ(generate(10), continuation(ids, 10)) << chunk;
  }
  fake_call_count = 0;
  gemmac_reset(session);
  ASSERT_EQ(prompt(ids, 7), GEMMAC_OK);
  EXPECT_EQ(calls(), "p7@0 p7@7 p5@14 d1@19 ");
}

TEST_F(SessionTest, AnyNumberOfThreadsGivesTheSame) {
  std::vector<int32_t> ids = firstIds(9);
  for (uint32_t threads : {1, 2, 3, 8}) {
    gemmac_session_close(session);
    gemmac_session_options options = {};
    options.threads = threads;
    ASSERT_EQ(gemmac_session_open(engine, &options, &session, nullptr), GEMMAC_OK);
    ASSERT_EQ(prompt(ids), GEMMAC_OK);
    EXPECT_EQ(generate(20), continuation(ids, 20)) << threads;
  }
}

TEST_F(SessionTest, APromptAfterGenerationRunsTheLastTokenFirst) {
  std::vector<int32_t> ids = firstIds(4);
  ASSERT_EQ(prompt(ids), GEMMAC_OK);
  std::vector<int32_t> generated = generate(3);
  EXPECT_EQ(gemmac_position(session), 7u);
  fake_call_count = 0;
  ASSERT_EQ(prompt({9, 8}), GEMMAC_OK);
  EXPECT_EQ(calls(), "p2@6 d1@8 ");
  ids.insert(ids.end(), generated.begin(), generated.end());
  ids.insert(ids.end(), {9, 8});
  EXPECT_EQ(best(), fake_next(ids.data(), ids.size()));
}

TEST_F(SessionTest, ResetForgets) {
  ASSERT_EQ(prompt(firstIds(30)), GEMMAC_OK);
  gemmac_reset(session);
  EXPECT_EQ(gemmac_position(session), 0u);
  EXPECT_EQ(gemmac_logits(session), nullptr);
  ASSERT_EQ(prompt({7}), GEMMAC_OK);
  int32_t seven = 7;
  EXPECT_EQ(best(), fake_next(&seven, 1));
}

TEST_F(SessionTest, WrongPromptsAreRefusedAndChangeNothing) {
  ASSERT_EQ(prompt({1, 2}), GEMMAC_OK);
  fake_call_count = 0;
  EXPECT_EQ(prompt({3, FAKE_VOCAB}), GEMMAC_INVALID_ARGUMENT);
  EXPECT_STREQ(gemmac_last_error(session), "the prompt: id 64 at 1 is outside the vocabulary, 0 to 63");
  EXPECT_EQ(prompt({-1}), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(prompt({}), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(gemmac_prompt(session, nullptr, 3, 0), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(prompt({3}, FAKE_MAX_TOKENS + 1), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(prompt(firstIds(FAKE_CONTEXT - 1)), GEMMAC_CONTEXT_FULL);
  EXPECT_STREQ(gemmac_last_error(session),
               "the prompt has 47 tokens, and 46 of the context's 48 positions are free");
  EXPECT_EQ(gemmac_prompt(nullptr, nullptr, 0, 0), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(fake_call_count, 0);
  EXPECT_EQ(gemmac_position(session), 2u);
  EXPECT_EQ(prompt(firstIds(FAKE_CONTEXT - 2)), GEMMAC_OK) << "exactly full";
}

// ---- Scores

TEST_F(SessionTest, ScoreGivesTheLogitsOfEveryToken) {
  std::vector<int32_t> ids = firstIds(19);
  for (uint32_t chunk : {0, 1, 5, 8}) {
    gemmac_reset(session);
    std::vector<float> logits(ids.size() * FAKE_VOCAB, NAN);
    ASSERT_EQ(gemmac_score(session, ids.data(), ids.size(), chunk, logits.data()), GEMMAC_OK);
    for (size_t i = 0; i < ids.size(); ++i) {
      auto row = logits.begin() + i * FAKE_VOCAB;
      EXPECT_EQ(std::max_element(row, row + FAKE_VOCAB) - row, fake_next(ids.data(), i + 1)) << i;
    }
    EXPECT_EQ(generate(5), continuation(ids, 5)) << "generation goes on from the last token";
  }
}

TEST_F(SessionTest, ScorePieceByPiece) {
  std::vector<int32_t> ids = firstIds(12);
  float logits[6 * FAKE_VOCAB];
  ASSERT_EQ(gemmac_score(session, ids.data(), 6, 4, logits), GEMMAC_OK);
  ASSERT_EQ(gemmac_score(session, ids.data() + 6, 6, 4, logits), GEMMAC_OK);
  EXPECT_EQ(calls(), "s4@0 s2@4 s4@6 s2@10 ");
  EXPECT_EQ(best(), fake_next(ids.data(), 12));
  EXPECT_EQ(gemmac_score(session, ids.data(), 6, 4, nullptr), GEMMAC_INVALID_ARGUMENT);
}

// ---- Generation

TEST_F(SessionTest, GenerationNeedsAPrompt) {
  generate(1, GEMMAC_NO_PROMPT);
  gemmac_prompt(session, firstIds(2).data(), 2, 0);
  gemmac_reset(session);
  generate(1, GEMMAC_NO_PROMPT);
}

TEST_F(SessionTest, GenerationGoesOnWhereItEnded) {
  std::vector<int32_t> ids = firstIds(3);
  ASSERT_EQ(prompt(ids), GEMMAC_OK);
  std::vector<int32_t> all;
  for (int round = 0; round < 5; ++round)
    for (int32_t id : generate(2))
      all.push_back(id);
  EXPECT_EQ(all, continuation(ids, 10));
}

TEST_F(SessionTest, GenerationEndsWhereTheContextDoes) {
  std::vector<int32_t> ids = firstIds(FAKE_CONTEXT - 3);
  ASSERT_EQ(prompt(ids), GEMMAC_OK);
  std::vector<int32_t> generated;
  gemmac_generation generation = greedy(0);
  generation.on_token = collect;
  generation.user = &generated;
  gemmac_result result = {};
  ASSERT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.finish, GEMMAC_FINISH_CONTEXT);
  EXPECT_EQ(result.tokens, 3u);
  EXPECT_EQ(generated, continuation(ids, 3));
  ASSERT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.tokens, 0u) << "full is full";
  EXPECT_EQ(prompt({1}), GEMMAC_CONTEXT_FULL);
}

TEST_F(SessionTest, StopTokensEndGeneration) {
  std::vector<int32_t> ids = firstIds(5), next = continuation(ids, 4);
  ASSERT_EQ(prompt(ids), GEMMAC_OK);
  gemmac_generation generation = greedy(10);
  generation.ignore_stop = 0;
  generation.stop = &next[2];
  generation.stop_count = 1;
  std::vector<int32_t> generated;
  generation.on_token = collect;
  generation.user = &generated;
  gemmac_result result = {};
  ASSERT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.finish, GEMMAC_FINISH_STOP);
  EXPECT_EQ(generated, (std::vector<int32_t>{next[0], next[1]}));
  EXPECT_EQ(gemmac_position(session), 8u) << "the session holds the stop token";
}

TEST_F(SessionTest, TheCallbackEndsGeneration) {
  ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
  gemmac_generation generation = greedy(10);
  generation.on_token = [](void *, int32_t, const char *, size_t) { return 1; };
  gemmac_result result = {};
  ASSERT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_OK);
  EXPECT_EQ(result.finish, GEMMAC_FINISH_CALLBACK);
  EXPECT_EQ(result.tokens, 1u);
}

TEST_F(SessionTest, SeedsDecide) {
  auto sample = [&](uint64_t seed) {
    gemmac_reset(session);
    EXPECT_EQ(prompt(firstIds(5)), GEMMAC_OK);
    std::vector<int32_t> ids;
    gemmac_generation generation = greedy(20);
    generation.sampling.temperature = 3;
    generation.sampling.seed = seed;
    generation.on_token = collect;
    generation.user = &ids;
    EXPECT_EQ(gemmac_generate(session, &generation, nullptr), GEMMAC_OK);
    return ids;
  };
  EXPECT_EQ(sample(1), sample(1));
  EXPECT_NE(sample(1), sample(2));
}

TEST_F(SessionTest, SamplingOutsideItsRangesIsRefused) {
  ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
  auto refused = [&](gemmac_sampling sampling) {
    gemmac_generation generation = greedy(1);
    generation.sampling = sampling;
    EXPECT_EQ(gemmac_generate(session, &generation, nullptr), GEMMAC_INVALID_ARGUMENT);
    EXPECT_STRNE(gemmac_last_error(session), "");
  };
  refused({-1, 0, 1, 0, 1, 0});
  refused({NAN, 0, 1, 0, 1, 0});
  refused({1, 0, -0.1f, 0, 1, 0});
  refused({1, 0, 1.5f, 0, 1, 0});
  refused({1, 0, 1, -0.1f, 1, 0});
  refused({1, 0, 1, 0, 0, 0});
  refused({1, 0, 1, 0, INFINITY, 0});
}

// ---- Cancel

TEST_F(SessionTest, CancelFromAnotherThreadEndsGeneration) {
  ASSERT_EQ(prompt({1}), GEMMAC_OK);
  static gemmac_session *cancelled;
  cancelled = session;
  fake_on_step = [] {
    static int steps;
    if (++steps % 4 == 0)
      std::thread([] { gemmac_cancel(cancelled); }).join();
  };
  gemmac_generation generation = greedy(0);
  gemmac_result result = {};
  EXPECT_EQ(gemmac_generate(session, &generation, &result), GEMMAC_CANCELLED);
  EXPECT_GT(result.tokens, 0u);
  EXPECT_LT(result.tokens, 8u);
  fake_on_step = nullptr;
  EXPECT_EQ(prompt({2, 3}), GEMMAC_OK) << "what was run stays usable";
}

TEST_F(SessionTest, CancelBetweenChunksForgetsTheRest) {
  static gemmac_session *cancelled;
  cancelled = session;
  fake_on_step = [] { gemmac_cancel(cancelled); };
  EXPECT_EQ(prompt(firstIds(20)), GEMMAC_CANCELLED);
  EXPECT_EQ(gemmac_position(session), 8u);
  EXPECT_EQ(gemmac_logits(session), nullptr);
  fake_on_step = nullptr;
  std::vector<int32_t> ids = firstIds(20);
  ASSERT_EQ(gemmac_prompt(session, ids.data() + 8, 12, 0), GEMMAC_OK) << "the rest can be given again";
  EXPECT_EQ(best(), fake_next(ids.data(), 20));
}

TEST_F(SessionTest, CancelBeforeACallCancelsItAndResetTakesItBack) {
  gemmac_cancel(session);
  EXPECT_EQ(prompt({1}), GEMMAC_CANCELLED);
  EXPECT_EQ(prompt({1}), GEMMAC_OK);
  gemmac_cancel(session);
  gemmac_reset(session);
  EXPECT_EQ(prompt({1}), GEMMAC_OK);
}

// ---- Memory

TEST_F(SessionTest, CallersMemory) {
  std::vector<uint8_t, test::AlignedAllocator<uint8_t>> ofEngine(gemmac_engine_bytes()),
      ofSession(gemmac_session_bytes(engine) + gemmac_worker_bytes(engine));
  gemmac_open_options openOptions = {0, ofEngine.data(), ofEngine.size()};
  gemmac_engine *other = nullptr;
  gemmac_session *session2 = nullptr;
  gemmac_error error = {};
  ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), &openOptions, &other, &error), GEMMAC_OK)
      << error.text;
  gemmac_session_options options = {2, ofSession.data(), ofSession.size(), nullptr};
  ASSERT_EQ(gemmac_session_open(other, &options, &session2, &error), GEMMAC_OK) << error.text;
  EXPECT_EQ(gemmac_prompt(session2, firstIds(9).data(), 9, 0), GEMMAC_OK);
  gemmac_session_close(session2);

  options.memory_bytes -= 1;
  EXPECT_EQ(gemmac_session_open(other, &options, &session2, &error), GEMMAC_OUT_OF_MEMORY);
  options = {2, ofSession.data() + 8, ofSession.size(), nullptr};
  EXPECT_EQ(gemmac_session_open(other, &options, &session2, &error), GEMMAC_INVALID_ARGUMENT);
  EXPECT_STREQ(error.text, "memory for a session is not aligned to 64 bytes");
  gemmac_close(other);
}

TEST_F(SessionTest, TooManyThreads) {
  gemmac_session_options options = {};
  options.threads = GEMMAC_MAX_THREADS + 1;
  gemmac_session *other = nullptr;
  EXPECT_EQ(gemmac_session_open(engine, &options, &other, nullptr), GEMMAC_INVALID_ARGUMENT);
}

TEST_F(SessionTest, SessionsOfOneEngineDoNotMeet) {
  auto talk = [this](int first, bool &right) {
    gemmac_session *own = nullptr;
    gemmac_session_options options = {};
    options.threads = 2;
    right = gemmac_session_open(engine, &options, &own, nullptr) == GEMMAC_OK;
    for (int round = 0; right && round < 50; ++round) {
      std::vector<int32_t> ids = {first, round % FAKE_VOCAB, 5}, generated;
      gemmac_generation generation = greedy(20);
      generation.on_token = collect;
      generation.user = &generated;
      gemmac_reset(own);
      right = gemmac_prompt(own, ids.data(), ids.size(), 2) == GEMMAC_OK &&
              gemmac_generate(own, &generation, nullptr) == GEMMAC_OK && generated == continuation(ids, 20);
    }
    gemmac_session_close(own);
  };
  fake_call_count = FAKE_CALLS; // calls of two threads are not recorded
  bool right[2];
  std::thread other(talk, 1, std::ref(right[0]));
  talk(2, right[1]);
  other.join();
  EXPECT_TRUE(right[0] && right[1]);
}

// ---- Text

TEST_F(SessionTest, TextAndBack) {
  const std::string text = "a bad cab";
  size_t count = 0, bytes = 0;
  EXPECT_EQ(gemmac_tokenize(session, text.data(), text.size(), 0, nullptr, 0, &count),
            GEMMAC_BUFFER_TOO_SMALL);
  ASSERT_GT(count, 0u);
  std::vector<int32_t> ids(count);
  ASSERT_EQ(gemmac_tokenize(session, text.data(), text.size(), 0, ids.data(), count, &count), GEMMAC_OK);
  ASSERT_EQ(count, ids.size());
  char back[64];
  ASSERT_EQ(gemmac_detokenize(session, ids.data(), count, 0, back, sizeof(back), &bytes), GEMMAC_OK);
  EXPECT_EQ(std::string(back, bytes), text);
  EXPECT_EQ(gemmac_detokenize(session, ids.data(), count, 0, back, 3, &bytes), GEMMAC_BUFFER_TOO_SMALL);
  EXPECT_EQ(bytes, text.size());
  ids[0] = FAKE_VOCAB;
  EXPECT_EQ(gemmac_detokenize(session, ids.data(), count, 0, back, sizeof(back), &bytes),
            GEMMAC_INVALID_ARGUMENT);
}

TEST_F(SessionTest, BosOnRequest) {
  int32_t ids[8];
  size_t count = 0;
  ASSERT_EQ(gemmac_tokenize(session, "a", 1, GEMMAC_ADD_BOS, ids, 8, &count), GEMMAC_OK);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(ids[0], 2);
  ASSERT_EQ(gemmac_tokenize(session, "a", 1, 0, ids, 8, &count), GEMMAC_OK);
  EXPECT_EQ(count, 1u);
}

TEST_F(SessionTest, StreamedTextIsTheTextOfTheTokens) {
  ASSERT_EQ(prompt(firstIds(5)), GEMMAC_OK);
  struct Stream {
    std::string text;
    std::vector<int32_t> ids;
  } stream;
  gemmac_generation generation = greedy(40);
  generation.on_token = [](void *user, int32_t id, const char *text, size_t bytes) {
    static_cast<Stream *>(user)->text.append(text, bytes);
    if (id >= 0)
      static_cast<Stream *>(user)->ids.push_back(id);
    return 0;
  };
  generation.user = &stream;
  ASSERT_EQ(gemmac_generate(session, &generation, nullptr), GEMMAC_OK);
  char text[4096];
  size_t bytes = 0;
  ASSERT_EQ(gemmac_detokenize(session, stream.ids.data(), stream.ids.size(), GEMMAC_SKIP_SPECIAL, text,
                              sizeof(text), &bytes),
            GEMMAC_OK);
  EXPECT_EQ(stream.text, std::string(text, bytes));
}

} // namespace
