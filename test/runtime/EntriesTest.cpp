// The table of entries: what sessions need is found in it by name, what else it holds is left alone and can
// be run.

#include "FakeModel.h"
#include "TestPackage.h"

#include "runtime/core/Session.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace gemmac;

namespace {

/// The fake model's table, to be changed.
struct Changed {
  std::vector<gemmac_entry> entries{fake_model.entries, fake_model.entries + fake_model.entry_count};
  gemmac_model code = fake_model;

  gemmac_entry &operator[](const std::string &name) {
    return *std::find_if(entries.begin(), entries.end(),
                         [&](const gemmac_entry &entry) { return name == entry.name; });
  }
  void expectRefused(const std::string &words) {
    code.entries = entries.data();
    code.entry_count = static_cast<uint32_t>(entries.size());
    test::TemporaryFile file("entries.weights", test::write(test::fakeContents()));
    gemmac_engine *engine = nullptr;
    gemmac_error error = {};
    EXPECT_EQ(gemmac_open(&code, file.path.c_str(), nullptr, &engine, &error), GEMMAC_INVALID_ARGUMENT);
    EXPECT_NE(std::string(error.text).find(words), std::string::npos) << error.text;
  }
};

TEST(Entries, AreFoundByName) {
  EXPECT_EQ(findEntry(fake_model, "draft"), &fake_model.entries[0]);
  EXPECT_EQ(findEntry(fake_model, "score"), &fake_model.entries[3]);
  EXPECT_EQ(findEntry(fake_model, "scores"), nullptr);
}

// No session asks for it: any port, two outputs.
TEST(Entries, OfAnyKindRunOnASession) {
  test::TemporaryFile file("entries.weights", test::write(test::fakeContents()));
  gemmac_engine *engine = nullptr;
  gemmac_session *session = nullptr;
  ASSERT_EQ(gemmac_open(&fake_model, file.path.c_str(), nullptr, &engine, nullptr), GEMMAC_OK);
  ASSERT_EQ(gemmac_session_open(engine, nullptr, &session, nullptr), GEMMAC_OK);
  const std::vector<int32_t> ids = {3, 8, 13, 18, 23};
  ASSERT_EQ(gemmac_prompt(session, ids.data(), 2, 0), GEMMAC_OK);

  std::vector<float> bias(FAKE_VOCAB), logits(3 * FAKE_VOCAB);
  bias[7] = 100;
  std::vector<int32_t> next(3);
  const void *const inputs[] = {ids.data() + 2, bias.data()};
  void *const outputs[] = {next.data(), logits.data()};
  session->run(*findEntry(fake_model, "draft"), 3, inputs, outputs);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(next[i], fake_next(ids.data(), 3 + i));
    EXPECT_EQ(logits[i * FAKE_VOCAB + next[i]], next[i] == 7 ? 104 : 4);
    EXPECT_GT(logits[i * FAKE_VOCAB + 7], 90);
  }
  EXPECT_EQ(gemmac_position(session), 2u) << "who runs an entry knows what it means for the text";
  gemmac_session_close(session);
  gemmac_close(engine);
}

TEST(Entries, ThatSessionsNeedAreMissed) {
  Changed changed;
  changed["decode"].name = "decoder";
  changed.expectRefused("the model 'fake' has no entry 'decode', which sessions need");
}

TEST(Entries, TakeTheirPortsInAnyOrder) {
  Changed changed;
  const gemmac_port *ports = fake_model.entries[1].inputs;
  const gemmac_port turned[] = {ports[2], ports[0]};
  TextEntry bound;
  changed["prefill"].inputs = turned;
  changed["prefill"].input_count = 2;
  changed.code.entries = changed.entries.data();
  gemmac_error error = {};
  ASSERT_EQ(bound.bind(changed.code, "prefill", GEMMAC_MANY_TOKENS, false, &error), GEMMAC_OK) << error.text;
  EXPECT_EQ(bound.inputs[0], TextEntry::kVisible);
  EXPECT_EQ(bound.inputs[1], TextEntry::kTokens);
}

TEST(Entries, WithOtherPortsDoNotFit) {
  const std::string decode = "the entry 'decode' of 'fake' does not fit sessions: ";
  Changed input;
  gemmac_port ports[] = {fake_model.entries[1].inputs[0],
                         {"image", fake_model.entries[1].inputs[0].shape, GEMMAC_I32, 1}};
  input["decode"].inputs = ports;
  input["decode"].input_count = 2;
  input.expectRefused(decode + "nothing is known that is its input image");
  ports[1].name = "visible";
  ports[1].element = GEMMAC_F32;
  input.expectRefused(decode + "nothing is known that is its input visible");
  ports[1].element = GEMMAC_I32;
  ports[1].rank = 2;
  input.expectRefused(decode + "nothing is known that is its input visible");

  Changed output;
  const int64_t narrow[] = {-1, FAKE_VOCAB - 1};
  const gemmac_port logits[] = {{"logits", narrow, GEMMAC_F32, 2}};
  output["decode"].outputs = logits;
  output.expectRefused(decode + "these are no logits: logits");
  output["decode"].output_count = 0;
  output.expectRefused(decode + "logits have to be its only output");

  Changed tokens;
  tokens["score"].max_tokens = FAKE_MAX_TOKENS - 1;
  tokens.expectRefused(
      "the entry 'score' of 'fake' does not fit sessions: it takes another number of tokens");
}

TEST(Entries, AreWhole) {
  Changed name;
  name["draft"].name = "score";
  name.expectRefused("two entries 'score'");
  Changed run;
  run["draft"].run = nullptr;
  run.expectRefused("entry 0 of the model's code has a null pointer");
  Changed ports;
  ports["draft"].outputs = nullptr;
  ports.expectRefused("entry 0 of the model's code has a null pointer");
  Changed arena;
  arena["draft"].arena_bytes = 1001;
  arena.expectRefused("entry 'draft' needs more scratch than the model says");
  Changed tokens;
  tokens["draft"].max_tokens = 0;
  tokens.expectRefused("entry 'draft' takes no tokens");
}

} // namespace
