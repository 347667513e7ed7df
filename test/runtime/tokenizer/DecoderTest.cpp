// Text comes out as Hugging Face's decoder gives it, at once and piece by piece.

#include "LoadedTokenizer.h"
#include "SmallTokenizer.h"

#include "gtest/gtest.h"

#include <random>

using namespace gemmac;

static constexpr int32_t kFirstByte = 3;
static constexpr int32_t kWord = kFirstByte + 256;

static std::vector<int32_t> bytesOf(const std::string &text) {
  std::vector<int32_t> ids;
  for (char c : text)
    ids.push_back(kFirstByte + uint8_t(c));
  return ids;
}

class DecoderTest : public testing::Test {
protected:
  LoadedTokenizer loaded{smallTokenizer({"a▁▁b", "▁"}, {})};

  void expectText(const std::vector<int32_t> &ids, const std::string &text, bool skipSpecial = false) {
    EXPECT_EQ(loaded.decode(ids, skipSpecial), text);
    EXPECT_EQ(loaded.stream(ids, skipSpecial), text);
  }
};

TEST_F(DecoderTest, MarksBecomeSpaces) {
  expectText({kWord, kWord + 1}, "a  b ");
}

TEST_F(DecoderTest, SpecialTokensCanBeLeftOut) {
  expectText({1, kWord, 2}, "<bos>a  b<eos>");
  expectText({1, kWord, 2}, "a  b", true);
}

TEST_F(DecoderTest, IdsOutsideGiveNothing) {
  expectText({-1, kWord, 1 << 30}, "a  b");
}

// One bad byte breaks its whole run; what is left out does not end a run.
TEST_F(DecoderTest, BrokenRunsAreReplacedByteByByte) {
  expectText(bytesOf("é"), "é");
  expectText(bytesOf("é\xff"), "\ufffd\ufffd\ufffd");
  expectText(bytesOf("\xc3"), "\ufffd");
  expectText({kFirstByte + 0xc3, 2, kFirstByte + 0xa9}, "\ufffd<eos>\ufffd");
  expectText({kFirstByte + 0xc3, 2, kFirstByte + 0xa9}, "é", true);
  expectText({kFirstByte + 0xc3, kWord, kFirstByte + 'x'}, "\ufffda  bx");
}

TEST_F(DecoderTest, StreamsHoldBackUntilTextIsFinal) {
  StreamDecoder decoder(loaded.vocabulary, false);
  std::string text(decoder.mostBytes(), '\0');
  EXPECT_EQ(decoder.push(kFirstByte + 0xc3, text.data()), 0u);
  EXPECT_EQ(decoder.push(kFirstByte + 0xa9, text.data()), 0u);
  EXPECT_EQ(decoder.push(kWord, text.data()), 6u);
  EXPECT_EQ(text.substr(0, 6), "éa  b");
  EXPECT_EQ(decoder.push(kFirstByte + 0xc3, text.data()), 0u);
  EXPECT_EQ(decoder.push(kFirstByte + 0xc3, text.data()), 6u); // broken now
  EXPECT_EQ(decoder.push(kFirstByte + 'x', text.data()), 3u);  // and stays so
  EXPECT_EQ(decoder.finish(text.data()), 0u);
}

TEST_F(DecoderTest, LongRunsShowWholeCharacters) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += i % 3 ? "日" : "é";
  expectText(bytesOf(text), text);
}

TEST_F(DecoderTest, StreamsGiveTheSameText) {
  std::mt19937 random(3);
  const std::string samples[] = {"é",    "日",   "\xf0\x9f\x99\x82", "x",
                                 "\xc3", "\xa9", "\xf0\x9f",         "\xed\xa0\x80"};
  for (int round = 0; round < 2000; ++round) {
    std::vector<int32_t> ids;
    for (size_t count = random() % 30; ids.size() < count;) {
      const std::vector<int32_t> bytes = bytesOf(samples[random() % 8]);
      if (random() % 4 == 0)
        ids.push_back(random() % 2 ? kWord : 2);
      else
        ids.insert(ids.end(), bytes.begin(), bytes.end());
    }
    for (bool skipSpecial : {false, true})
      ASSERT_EQ(loaded.stream(ids, skipSpecial), loaded.decode(ids, skipSpecial));
  }
}
