// A .weights file in the runtime: bytes of a good one are changed, the file is cut, and what opens is used.
//
// Two bytes say how much is cut off its end, bit 0 of the next whether the checksum of the metadata is made
// to fit; changes and a text follow, as in TablesFuzz.

#include "test/fuzz/Changes.h"
#include "test/fuzz/Files.h"
#include "test/runtime/FakeModel.h"
#include "test/runtime/TestPackage.h"

#include <string>

using namespace gemmac;

/// Text and a few steps, in a session with one thread.
static void use(const gemmac_engine *engine, std::string_view text) {
  gemmac_info info = {};
  test::require(gemmac_get_info(engine, &info) == GEMMAC_OK, "an open engine says nothing of itself");
  (void)(std::string(info.name) + info.target + info.weights + info.compiler + info.chat_template);
  for (size_t i = 0; i < info.stop_count; ++i)
    test::require(info.stop[i] >= 0 && uint32_t(info.stop[i]) < info.vocab_size, "a stop token is none");
  gemmac_session_options options = {};
  options.threads = 1;
  gemmac_session *session = nullptr;
  if (gemmac_session_open(engine, &options, &session, nullptr) != GEMMAC_OK)
    return;
  std::vector<int32_t> ids(text.size() + 1);
  size_t count = 0;
  const gemmac_status status =
      gemmac_tokenize(session, text.data(), text.size(), GEMMAC_ADD_BOS, ids.data(), ids.size(), &count);
  if (status == GEMMAC_OK && gemmac_prompt(session, ids.data(), count, 0) == GEMMAC_OK) {
    gemmac_generation generation = {};
    generation.sampling.top_p = generation.sampling.repetition_penalty = 1;
    generation.max_tokens = 2;
    (void)gemmac_generate(session, &generation, nullptr);
    char shown[64];
    size_t bytes = 0;
    (void)gemmac_detokenize(session, ids.data(), count, 0, shown, sizeof(shown), &bytes);
  }
  gemmac_session_close(session);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const test::Bytes good = test::write(test::fakeContents());
  if (size < 4)
    return 0;
  fake_call_count = FAKE_CALLS; // none is recorded
  test::Bytes bytes = good;
  const bool seal = data[2] & 1;
  const size_t used = 3 + test::change({bytes.data(), bytes.size()}, {data + 3, size - 3});
  const format::Header &header = test::headerOf(bytes);
  if (seal && header.metadata_offset <= bytes.size() &&
      header.metadata_bytes <= bytes.size() - header.metadata_offset)
    test::seal(bytes);
  bytes.resize(bytes.size() - size_t(data[0] | data[1] << 8) % bytes.size());
  bytes.shrink_to_fit();
  gemmac_engine *engine = nullptr;
  gemmac_error error = {};
  gemmac_open_options options = {};
  options.verify = data[2] >> 1 & 1;
  if (gemmac_open_memory(&fake_model, bytes.data(), bytes.size(), &options, &engine, &error) != GEMMAC_OK) {
    test::requireMessage(error.text);
    return 0;
  }
  use(engine, {reinterpret_cast<const char *>(data) + used, size - used});
  gemmac_close(engine);
  return 0;
}
