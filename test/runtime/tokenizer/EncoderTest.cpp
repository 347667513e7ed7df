// Corners of encoding that no recorded pair is about, on tokenizers that are written down here.

#include "LoadedTokenizer.h"
#include "SmallTokenizer.h"

#include "gtest/gtest.h"

#include <map>
#include <random>
#include <set>

using namespace gemmac;

static constexpr int32_t kFirstByte = 3;

/// The rule as it is written: until no merge applies, the one of lowest rank, of equal ones the leftmost.
static std::vector<int32_t> mergeByTheRule(const Tokenizer &tokenizer, std::vector<int32_t> symbols) {
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> ranks;
  for (uint32_t rank = 0; rank < tokenizer.merges.size(); ++rank)
    ranks[{tokenizer.merges[rank].left, tokenizer.merges[rank].right}] = rank;
  const size_t count = symbols.size();
  std::vector<size_t> next(count + 1), previous(count + 1);
  std::set<std::pair<uint32_t, size_t>> queue;
  std::vector<bool> gone(count);
  const auto rankAt = [&](size_t at) {
    const auto found = next[at] < count ? ranks.find({symbols[at], symbols[next[at]]}) : ranks.end();
    return found == ranks.end() ? kNoRank : found->second;
  };
  for (size_t i = 0; i < count; ++i) {
    next[i] = i + 1;
    previous[i + 1] = i;
  }
  for (size_t i = 0; i < count; ++i)
    queue.insert({rankAt(i), i});
  while (!queue.empty() && queue.begin()->first != kNoRank) {
    const auto [rank, at] = *queue.begin();
    const size_t right = next[at];
    queue.erase({rank, at});
    queue.erase({rankAt(right), right});
    if (at != 0)
      queue.erase({rankAt(previous[at]), previous[at]});
    symbols[at] = int32_t(tokenizer.merges[rank].merged);
    gone[right] = true;
    next[at] = next[right];
    previous[next[at]] = at;
    queue.insert({rankAt(at), at});
    if (at != 0)
      queue.insert({rankAt(previous[at]), previous[at]});
  }
  std::vector<int32_t> ids;
  for (size_t i = 0; i < count; ++i)
    if (!gone[i])
      ids.push_back(symbols[i]);
  return ids;
}

static std::vector<int32_t> charactersOf(const Tokenizer &tokenizer, const std::string &text) {
  std::vector<int32_t> symbols;
  for (char c : text)
    symbols.push_back(int32_t(std::find(tokenizer.pieces.begin(), tokenizer.pieces.end(), std::string(1, c)) -
                              tokenizer.pieces.begin()));
  return symbols;
}

/// Merges in any order of any tokens that the ones before made.
static Tokenizer randomTokenizer(std::mt19937 &random, const std::vector<std::string> &characters,
                                 int count) {
  std::vector<std::string> tokens = characters;
  std::vector<std::pair<std::string, std::string>> merges;
  for (int i = 0; i < count; ++i) {
    merges.push_back({tokens[random() % tokens.size()], tokens[random() % tokens.size()]});
    const std::string merged = merges.back().first + merges.back().second;
    if (merged.size() <= 12)
      tokens.push_back(merged);
  }
  std::shuffle(merges.begin(), merges.end(), random);
  return smallTokenizer(characters, merges);
}

// Texts without any cut, longer than the window: whatever the merges are, joined windows give what the rule
// gives.
TEST(EncoderTest, WindowsAreJoinedExactly) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::vector<std::string> characters = {"a", "b", "c", "d"};
    const size_t letters = 1 + random() % characters.size();
    const Tokenizer tokenizer = randomTokenizer(random, characters, 1 + int(random() % 60));
    const LoadedTokenizer loaded(tokenizer);
    ASSERT_TRUE(loaded.opened);
    std::string text;
    for (size_t size = random() % 40000; text.size() < size;)
      text += characters[random() % letters];
    const std::vector<int32_t> ids = loaded.encode(text);
    // A window may fail to join; it must then say so. With these merges none does.
    ASSERT_TRUE(loaded.joined) << "round " << round;
    ASSERT_EQ(ids, mergeByTheRule(tokenizer, charactersOf(tokenizer, text))) << "round " << round;
  }
}

TEST(EncoderTest, ShortTextsFollowTheRule) {
  std::mt19937 random(8);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::string> characters = {"a", "b", "c"};
    const Tokenizer tokenizer = randomTokenizer(random, characters, 1 + int(random() % 30));
    const LoadedTokenizer loaded(tokenizer);
    std::string text;
    for (size_t size = random() % 60; text.size() < size;)
      text += characters[random() % characters.size()];
    ASSERT_EQ(loaded.encode(text), mergeByTheRule(tokenizer, charactersOf(tokenizer, text))) << text;
  }
}

TEST(EncoderTest, InvalidBytesBecomeTheirTokens) {
  const LoadedTokenizer loaded(smallTokenizer({"a", "é", "▁"}, {}));
  const int32_t a = kFirstByte + 256;
  const auto bytes = [](std::initializer_list<int> list) {
    std::vector<int32_t> ids;
    for (int byte : list)
      ids.push_back(byte < 0 ? -byte : kFirstByte + byte);
    return ids;
  };
  EXPECT_EQ(loaded.encode("a\xff"
                          "a"),
            bytes({-a, 0xff, -a}));
  EXPECT_EQ(loaded.encode("\xc3"), bytes({0xc3}));                               // cut short
  EXPECT_EQ(loaded.encode("\xc3\xa9\xa9"), bytes({-(a + 1), 0xa9}));             // é, and a byte too many
  EXPECT_EQ(loaded.encode("\xc0\x80"), bytes({0xc0, 0x80}));                     // overlong
  EXPECT_EQ(loaded.encode("\xed\xa0\x80"), bytes({0xed, 0xa0, 0x80}));           // surrogate
  EXPECT_EQ(loaded.encode("\xf4\x90\x80\x80"), bytes({0xf4, 0x90, 0x80, 0x80})); // above U+10FFFF
  EXPECT_EQ(loaded.encode("\xf0\x9f\x99\x82 "),
            bytes({0xf0, 0x9f, 0x99, 0x82, -(a + 2)})); // no token: its bytes
  EXPECT_EQ(loaded.encode(std::string("\0", 1)), bytes({0}));
}

TEST(EncoderTest, WithoutByteTokensNeighboursBecomeOneUnk) {
  Tokenizer tokenizer = smallTokenizer({"a", "▁"}, {});
  for (int byte = 0; byte < 256; ++byte)
    tokenizer.pieces[kFirstByte + byte].clear();
  const int32_t a = kFirstByte + 256;
  EXPECT_EQ(LoadedTokenizer(tokenizer).encode("axya\xff"), (std::vector<int32_t>{a, 0, a, 0}));
  tokenizer.fuseUnk = false;
  EXPECT_EQ(LoadedTokenizer(tokenizer).encode("axya"), (std::vector<int32_t>{a, 0, 0, a}));
  tokenizer.unk = -1;
  EXPECT_EQ(LoadedTokenizer(tokenizer).encode("axya"), (std::vector<int32_t>{a, a}));
}

// Merges of byte tokens forbid all cuts.
TEST(EncoderTest, ByteTokensMayMerge) {
  const LoadedTokenizer loaded(smallTokenizer({"a"}, {{"<0xC3>", "<0xA9>"}, {"a", "<0xC3><0xA9>"}}));
  EXPECT_FALSE(loaded.vocabulary.hasCuts());
  EXPECT_EQ(loaded.encode("aé"), (std::vector<int32_t>{kFirstByte + 258}));
}

TEST(EncoderTest, OfEqualMergesTheLaterCounts) {
  const LoadedTokenizer loaded(smallTokenizer({"a", "b", "c"}, {{"a", "b"}, {"b", "c"}, {"a", "b"}}));
  const int32_t a = kFirstByte + 256;
  EXPECT_EQ(loaded.encode("abc"), (std::vector<int32_t>{a, a + 4}));
}

TEST(EncoderTest, AddedTokensAreFoundLongestFirst) {
  Tokenizer tokenizer = smallTokenizer({"a", "x", "▁", "<", ">"}, {});
  const auto add = [&](const char *text, bool normalized, bool special) {
    tokenizer.added.push_back({uint32_t(tokenizer.pieces.size()), normalized, false});
    tokenizer.pieces.push_back(text);
    tokenizer.special.push_back(special);
    return int32_t(tokenizer.pieces.size() - 1);
  };
  const int32_t a = kFirstByte + 256;
  const int32_t shorter = add("<a", false, true), longer = add("<a>", false, true),
                plain = add("<x>", false, false), spaced = add("x a", true, false),
                single = add("é", false, false);
  const LoadedTokenizer loaded(tokenizer);
  EXPECT_EQ(loaded.encode("<a<a>a"), (std::vector<int32_t>{shorter, longer, a}));
  EXPECT_EQ(loaded.encode("xx a"), (std::vector<int32_t>{a + 1, spaced}));
  EXPECT_EQ(loaded.encode("x▁a"), (std::vector<int32_t>{spaced}));
  EXPECT_EQ(loaded.encode("é"), (std::vector<int32_t>{single}));
  // Special tokens as letters: the others are still found.
  EXPECT_EQ(loaded.encode("<a><x>", {.plain = true}), (std::vector<int32_t>{a + 3, a, a + 4, plain}));
}

TEST(EncoderTest, CountsWhatDoesNotFit) {
  const LoadedTokenizer loaded(smallTokenizer({"a"}, {}));
  std::vector<uint64_t> scratch(Encoder::kScratchBytes / 8 + 1);
  Encoder encoder(loaded.vocabulary, scratch.data());
  int32_t ids[3] = {-7, -7, -7};
  size_t count = 0;
  ASSERT_TRUE(encoder.encode("aaaa", 4, {.bos = true}, ids, 2, count));
  EXPECT_EQ(count, 5u);
  EXPECT_EQ(ids[0], 1);
  EXPECT_EQ(ids[2], -7);
  ASSERT_TRUE(encoder.encode(nullptr, 0, {}, nullptr, 0, count));
  EXPECT_EQ(count, 0u);
}

TEST(VocabularyTest, OpensNoTablesWhoseNumbersAreNotAligned) {
  const flatbuffers::DetachedBuffer tables =
      buildTokenizerTables(smallTokenizer({"▁", "t", "h", "e"}, {{"t", "h"}, {"th", "e"}, {"▁", "the"}}));
  std::vector<uint64_t> place(tables.size() / 8 + 2);
  for (size_t offset : {0, 4}) {
    auto *at = reinterpret_cast<uint8_t *>(place.data()) + offset;
    std::copy(tables.data(), tables.data() + tables.size(), at);
    Vocabulary vocabulary;
    EXPECT_EQ(vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(at)), offset == 0) << offset;
  }
}
