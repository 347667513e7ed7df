// Tokens beyond the rows of the model's tables are left out where no text needs them, else said.

#include "compiler/package/TokenRows.h"
#include "SmallTokenizer.h"

#include "gtest/gtest.h"

using namespace gemmac;

static Tokenizer withAdded(const std::vector<std::string> &texts) {
  Tokenizer tokenizer = smallTokenizer({"a", "b"}, {{"a", "b"}});
  tokenizer.addBos = true;
  for (const std::string &text : texts) {
    tokenizer.added.push_back({uint32_t(tokenizer.pieces.size()), false, false});
    tokenizer.pieces.push_back(text);
    tokenizer.special.push_back(true);
  }
  return tokenizer;
}

static std::string errorOf(Tokenizer tokenizer, size_t rows) {
  llvm::Error error = leaveOutTokensWithoutRow(tokenizer, int64_t(rows), "here");
  return error ? llvm::toString(std::move(error)) : "no error";
}

TEST(TokenRows, AddedTokensWithoutARowAreLeftOut) {
  Tokenizer tokenizer = withAdded({"<image>", "x", "<audio>"});
  const size_t rows = tokenizer.pieces.size() - 3;
  tokenizer.pad = int32_t(rows) + 2;
  tokenizer.eos = int32_t(rows) - 1;
  ASSERT_FALSE(leaveOutTokensWithoutRow(tokenizer, int64_t(rows), "here"));
  EXPECT_EQ(tokenizer.pieces.size(), rows);
  EXPECT_EQ(tokenizer.special.size(), rows);
  EXPECT_EQ(tokenizer.added.size(), 2u);
  EXPECT_EQ(tokenizer.pad, -1);
  EXPECT_EQ(tokenizer.eos, int32_t(rows) - 1);
  ASSERT_EQ(tokenizer.remarks.size(), 1u);
  EXPECT_EQ(tokenizer.remarks[0],
            "here: the model's tables have 262 rows, none for 3 tokens of the tokenizer, which "
            "are left out: '<image>' (262), 'x' (263), '<audio>' (264)");
}

TEST(TokenRows, ATokenizerThatFitsStaysAsItIs) {
  Tokenizer tokenizer = withAdded({"<image>"});
  for (size_t rows : {tokenizer.pieces.size(), tokenizer.pieces.size() + 5}) {
    ASSERT_FALSE(leaveOutTokensWithoutRow(tokenizer, int64_t(rows), "here"));
    EXPECT_EQ(tokenizer.added.size(), 3u);
    EXPECT_TRUE(tokenizer.remarks.empty());
  }
}

TEST(TokenRows, TokensThatTextIsMadeOfNeedARow) {
  const Tokenizer tokenizer = withAdded({});
  const size_t all = tokenizer.pieces.size();
  EXPECT_EQ(errorOf(tokenizer, all - 1),
            "here: the tokenizer has 262 tokens, but the model's tables are short: they "
            "have 261 rows, none for 'ab' (261), which merges make");
  EXPECT_NE(errorOf(tokenizer, all - 2).find("none for 'b' (260), of which text is made"), std::string::npos);
  EXPECT_NE(errorOf(tokenizer, 100).find("none for '<0x61>' (100), of which text is made"),
            std::string::npos);
  EXPECT_NE(errorOf(tokenizer, 1).find("none for '<bos>' (1), with which prompts begin"), std::string::npos);
}

TEST(TokenRows, MergesOfTokensThatNothingMakesGo) {
  Tokenizer tokenizer = withAdded({"<image>"});
  const auto image = uint32_t(tokenizer.pieces.size()) - 1;
  tokenizer.merges.push_back({image, image, 5});
  ASSERT_FALSE(leaveOutTokensWithoutRow(tokenizer, image, "here"));
  EXPECT_EQ(tokenizer.merges.size(), 1u);
}
