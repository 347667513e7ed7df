// Cutting a text back and copying it: what follows is what follows in a session that never held anything
// else.

#include "FakeModel.h"
#include "TestPackage.h"

#include "runtime/core/Session.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace gemmac;

namespace {

std::vector<int32_t> idsOf(int count, int seed) {
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i)
    ids.push_back((i * i * 3 + i * seed + seed) % FAKE_VOCAB);
  return ids;
}

/// Of either model, with a worker of its own.
struct Text {
  explicit Text(const gemmac_engine *engine) {
    gemmac_session_options options = {};
    options.threads = 1;
    EXPECT_EQ(gemmac_session_open(engine, &options, &session, nullptr), GEMMAC_OK);
  }
  ~Text() { gemmac_session_close(session); }
  void add(const std::vector<int32_t> &ids, uint32_t chunk = 0) {
    ASSERT_EQ(gemmac_prompt(session, ids.data(), ids.size(), chunk), GEMMAC_OK) << gemmac_last_error(session);
  }
  std::vector<float> score(const std::vector<int32_t> &ids) {
    std::vector<float> logits(ids.size() * FAKE_VOCAB);
    EXPECT_EQ(gemmac_score(session, ids.data(), ids.size(), 0, logits.data()), GEMMAC_OK);
    return logits;
  }
  std::vector<int32_t> generate(uint32_t count) {
    std::vector<int32_t> ids;
    gemmac_generation generation = {};
    generation.sampling.top_p = generation.sampling.repetition_penalty = 1;
    generation.max_tokens = count;
    generation.ignore_stop = 1;
    generation.user = &ids;
    generation.on_token = [](void *user, int32_t id, const char *, size_t) {
      if (id >= 0)
        static_cast<std::vector<int32_t> *>(user)->push_back(id);
      return 0;
    };
    EXPECT_EQ(gemmac_generate(session, &generation, nullptr), GEMMAC_OK) << gemmac_last_error(session);
    return ids;
  }
  gemmac_session *session = nullptr;
};

struct TruncateTest : testing::TestWithParam<const gemmac_model *> {
  void SetUp() override {
    fake_call_count = FAKE_CALLS; // none is recorded
    ASSERT_EQ(gemmac_open(GetParam(), file.path.c_str(), nullptr, &engine, nullptr), GEMMAC_OK);
  }
  void TearDown() override { gemmac_close(engine); }
  bool rings() const { return GetParam()->ring < FAKE_CONTEXT; }

  test::TemporaryFile file{"truncate.weights", test::write(test::fakeContents())};
  gemmac_engine *engine = nullptr;
};

// From every length to every length that the query allows, and to no other.
TEST_P(TruncateTest, GoesOnAsIfNothingElseHadBeenThere) {
  const std::vector<int32_t> ids = idsOf(40, 5), more = idsOf(6, 11);
  for (int held = 1; held <= 40; ++held)
    for (int kept = 0; kept <= held; ++kept) {
      Text text(engine);
      text.add({ids.begin(), ids.begin() + held});
      const int earliest = static_cast<int>(gemmac_session_earliest(text.session));
      const gemmac_status status = gemmac_session_truncate(text.session, static_cast<uint32_t>(kept));
      const bool allowed = kept == 0 || kept == held || kept >= earliest;
      ASSERT_EQ(status, allowed ? GEMMAC_OK : GEMMAC_OVERWRITTEN) << held << " to " << kept;
      if (!allowed) {
        EXPECT_EQ(gemmac_position(text.session), static_cast<uint32_t>(held)) << "nothing was done";
        continue;
      }
      EXPECT_EQ(gemmac_position(text.session), static_cast<uint32_t>(kept));
      EXPECT_EQ(gemmac_logits(text.session) != nullptr, kept == held);
      Text fresh(engine);
      if (kept)
        fresh.add({ids.begin(), ids.begin() + kept});
      ASSERT_EQ(text.score(more), fresh.score(more)) << held << " to " << kept;
      ASSERT_EQ(text.generate(2), fresh.generate(2)) << held << " to " << kept;
    }
}

// A ring of 14 positions and a window of 5: the token after the cut sees 4 tokens before it.
TEST_P(TruncateTest, TheQuerySaysHowFar) {
  Text text(engine);
  EXPECT_EQ(gemmac_session_earliest(text.session), 0u);
  for (int held = 1; held <= 40; ++held) {
    text.add({held});
    const bool wrapped = rings() && held > FAKE_RING;
    ASSERT_EQ(gemmac_session_earliest(text.session),
              static_cast<uint32_t>(wrapped ? held - FAKE_RING + FAKE_WINDOW - 1 : 0))
        << held;
    ASSERT_LE(gemmac_session_earliest(text.session),
              static_cast<uint32_t>(std::max(0, held - FAKE_MAX_TOKENS)))
        << "a step's tokens can always be taken back";
  }
}

// What was cut off has been written: going on over it does not bring older positions back.
TEST_P(TruncateTest, CutsAddUp) {
  const std::vector<int32_t> ids = idsOf(40, 3);
  for (int first = 13; first <= 22; ++first) {
    Text text(engine);
    std::vector<int32_t> now(ids.begin(), ids.begin() + first);
    text.add(now);
    for (int round = 0; round < 6; ++round) {
      const uint32_t earliest = std::max(1u, gemmac_session_earliest(text.session));
      if (earliest > now.size())
        break;
      ASSERT_EQ(gemmac_session_truncate(text.session, earliest), GEMMAC_OK);
      now.resize(earliest);
      for (int32_t id : idsOf(1 + round * 2, round + 7)) {
        now.push_back(id);
        text.add({id});
      }
      Text fresh(engine);
      fresh.add(now);
      ASSERT_EQ(memcmp(gemmac_logits(text.session), gemmac_logits(fresh.session), FAKE_VOCAB * sizeof(float)),
                0)
          << first << ", round " << round;
    }
  }
}

TEST_P(TruncateTest, GenerateRunsTheLastTokenAgain) {
  for (int held : {2, 5, 6, 20, 30}) {
    Text text(engine), fresh(engine);
    const std::vector<int32_t> ids = idsOf(held, 9);
    text.add(ids);
    const uint32_t kept = static_cast<uint32_t>(held) - 1;
    ASSERT_EQ(gemmac_session_truncate(text.session, kept), GEMMAC_OK);
    fresh.add({ids.begin(), ids.end() - 1});
    EXPECT_EQ(text.generate(5), fresh.generate(5)) << held;
  }
}

TEST_P(TruncateTest, WhereTheLastTokenCannotRunAgainAPromptIsNeeded) {
  if (!rings())
    return; // nothing is ever overwritten
  Text text(engine);
  text.add(idsOf(30, 9));
  ASSERT_EQ(gemmac_session_truncate(text.session, gemmac_session_earliest(text.session)), GEMMAC_OK);
  EXPECT_EQ(gemmac_generate(text.session, nullptr, nullptr), GEMMAC_NO_PROMPT);
  text.add({1});
}

// The last generated token is held but has not been run.
TEST_P(TruncateTest, TokensThatWereNotRunAreCutOff) {
  Text text(engine), fresh(engine);
  const std::vector<int32_t> ids = idsOf(6, 4), more = idsOf(3, 8);
  text.add(ids);
  text.generate(1);
  EXPECT_EQ(gemmac_position(text.session), 7u);
  ASSERT_EQ(gemmac_session_truncate(text.session, 6), GEMMAC_OK);
  fresh.add(ids);
  EXPECT_EQ(text.generate(4), fresh.generate(4));
}

TEST_P(TruncateTest, OutOfRangeIsRefused) {
  Text text(engine);
  text.add({1, 2});
  EXPECT_EQ(gemmac_session_truncate(text.session, 3), GEMMAC_INVALID_ARGUMENT);
  EXPECT_STREQ(gemmac_last_error(text.session), "the session holds 2 tokens and cannot be cut to 3");
  EXPECT_EQ(gemmac_session_truncate(nullptr, 0), GEMMAC_INVALID_ARGUMENT);
  EXPECT_EQ(gemmac_session_truncate(text.session, 0), GEMMAC_OK);
  EXPECT_EQ(gemmac_generate(text.session, nullptr, nullptr), GEMMAC_NO_PROMPT);
}

// Of an empty session it does not matter what its rings once held.
TEST_P(TruncateTest, NothingIsLeftOfAnEmptyText) {
  Text text(engine);
  text.add(idsOf(30, 5));
  ASSERT_EQ(gemmac_session_truncate(text.session, 0), GEMMAC_OK);
  text.add(idsOf(4, 5));
  EXPECT_EQ(gemmac_session_earliest(text.session), 0u);
  EXPECT_EQ(gemmac_session_truncate(text.session, 1), GEMMAC_OK);
}

// ---- Copies

TEST_P(TruncateTest, ACopyGoesOnAlone) {
  for (int held : {1, 4, 5, 6, 13, 14, 15, 30}) {
    const std::vector<int32_t> ids = idsOf(held, 5), more = idsOf(8, 2);
    Text text(engine), clone(engine), fresh(engine);
    text.add(ids);
    clone.add(idsOf(33, 1)); // what it held before is gone
    ASSERT_EQ(gemmac_session_copy(clone.session, text.session), GEMMAC_OK);
    EXPECT_EQ(gemmac_session_earliest(clone.session), gemmac_session_earliest(text.session));
    fresh.add(ids);
    const std::vector<int32_t> expected = fresh.generate(6);
    EXPECT_EQ(clone.generate(6), expected) << "its logits are there";
    EXPECT_EQ(text.generate(6), expected) << "and the first one's still are";
    clone.add(more);
    fresh.add(more);
    EXPECT_EQ(clone.generate(3), fresh.generate(3)) << held;
  }
}

TEST_P(TruncateTest, ACopyOfATextThatWasCut) {
  Text text(engine), clone(engine), fresh(engine);
  const std::vector<int32_t> ids = idsOf(20, 5);
  text.add(ids);
  const uint32_t kept = std::max(4u, gemmac_session_earliest(text.session));
  ASSERT_EQ(gemmac_session_truncate(text.session, kept), GEMMAC_OK);
  ASSERT_EQ(gemmac_session_copy(clone.session, text.session), GEMMAC_OK);
  EXPECT_EQ(gemmac_session_earliest(clone.session), gemmac_session_earliest(text.session))
      << "what was overwritten is overwritten in the copy";
  EXPECT_EQ(gemmac_logits(clone.session), nullptr);
  fresh.add({ids.begin(), ids.begin() + kept});
  const std::vector<int32_t> more = idsOf(8, 2);
  EXPECT_EQ(clone.score(more), fresh.score(more));
}

TEST_P(TruncateTest, CopiesOfOtherEnginesAreRefused) {
  gemmac_engine *other = nullptr;
  ASSERT_EQ(gemmac_open(GetParam(), file.path.c_str(), nullptr, &other, nullptr), GEMMAC_OK);
  {
    Text text(engine), foreign(other);
    EXPECT_EQ(gemmac_session_copy(text.session, foreign.session), GEMMAC_INVALID_ARGUMENT);
    EXPECT_EQ(gemmac_session_copy(text.session, nullptr), GEMMAC_INVALID_ARGUMENT);
    text.add({5});
    EXPECT_EQ(gemmac_session_copy(text.session, text.session), GEMMAC_OK) << "of itself: nothing to do";
    EXPECT_EQ(gemmac_position(text.session), 1u);
  }
  gemmac_close(other);
}

INSTANTIATE_TEST_SUITE_P(Caches, TruncateTest, testing::Values(&fake_model, &fake_ring_model),
                         [](const auto &model) {
                           return model.param->ring < FAKE_CONTEXT ? "Ring" : "Whole";
                         });

// Code that says more than it has would give wrong results where a ring has wrapped around.
TEST(Rings, ThatDoNotFitAreRefused) {
  test::TemporaryFile file("ring.weights", test::write(test::fakeContents()));
  gemmac_model code = fake_ring_model;
  gemmac_engine *engine = nullptr;
  gemmac_error error = {};
  for (uint32_t rewind : {0, FAKE_MAX_TOKENS - 1, FAKE_RING + 1}) {
    code.rewind = rewind;
    EXPECT_EQ(gemmac_open(&code, file.path.c_str(), nullptr, &engine, &error), GEMMAC_INVALID_ARGUMENT);
    EXPECT_EQ(error.text, "caches of 14 positions cannot take back " + std::to_string(rewind) + " tokens");
  }
}

} // namespace
