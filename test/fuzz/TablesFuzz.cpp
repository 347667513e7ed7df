// The packed tokenizer in the runtime: bytes of good tables are changed, and a text is encoded and decoded.
//
// Byte 0 chooses the tables, byte 1 counts changes, then come three bytes each (offset and value), then text.

#include "test/fuzz/Changes.h"
#include "test/fuzz/Tables.h"

#include "compiler/package/TokenizerTables.h"
#include "test/runtime/tokenizer/SmallTokenizer.h"

using namespace gemmac;

static std::vector<uint8_t> built(const Tokenizer &tokenizer) {
  const flatbuffers::DetachedBuffer tables = buildTokenizerTables(tokenizer);
  return {tables.data(), tables.data() + tables.size()};
}

/// With cuts between words, and with merges of bytes, where there are none.
static std::vector<std::vector<uint8_t>> goodTables() {
  Tokenizer words = smallTokenizer({"▁", "t", "h", "e", "a", "é"},
                                   {{"t", "h"}, {"th", "e"}, {"▁", "the"}, {"a", "a"}, {"aa", "aa"}});
  Tokenizer bytes = smallTokenizer({"▁", "a", "b"}, {{"<0x41>", "<0x42>"}, {"a", "b"}});
  words.added.push_back({uint32_t(words.pieces.size()), true, false});
  words.pieces.push_back("<turn of>");
  words.special.push_back(true);
  words.fuseUnk = false;
  return {built(words), built(bytes)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const std::vector<std::vector<uint8_t>> good = goodTables();
  if (size < 2)
    return 0;
  const std::vector<uint8_t> &base = good[data[0] % good.size()];
  // Aligned as a mapped file is.
  std::vector<uint64_t> aligned((base.size() + 7) / 8);
  auto *tables = reinterpret_cast<uint8_t *>(aligned.data());
  std::copy(base.begin(), base.end(), tables);
  const size_t used = 1 + test::change({tables, base.size()}, {data + 1, size - 1});
  test::useTables(tables, base.size(), {reinterpret_cast<const char *>(data) + used, size - used});
  return 0;
}
