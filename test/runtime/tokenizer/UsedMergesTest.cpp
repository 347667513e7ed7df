// Which merges the tables leave out. That no id changes is what EncoderTest and the recorded pairs show.

#include "compiler/package/UsedMerges.h"
#include "SmallTokenizer.h"
#include "runtime/tokenizer/Tables.h"

#include "gtest/gtest.h"

using namespace gemmac;

using Texts = std::vector<std::pair<std::string, std::string>>;

static Texts used(const Tokenizer &tokenizer) {
  const auto ofCharacter = [&](uint32_t codePoint) {
    const auto found =
        std::find(tokenizer.pieces.begin(), tokenizer.pieces.end(), std::string(1, char(codePoint)));
    return found == tokenizer.pieces.end() ? kNoToken : uint32_t(found - tokenizer.pieces.begin());
  };
  Texts texts;
  for (const Tokenizer::Merge &merge : usedMerges(tokenizer, ofCharacter))
    texts.push_back({tokenizer.pieces[merge.left], tokenizer.pieces[merge.right]});
  return texts;
}

TEST(UsedMergesTest, OneCutOfATokenIsUsed) {
  // "abc" becomes "ab" "c" first, since "a" "b" goes before "b" "c".
  EXPECT_EQ(used(smallTokenizer({"a", "b", "c"}, {{"a", "b"}, {"b", "c"}, {"a", "bc"}, {"ab", "c"}})),
            (Texts{{"a", "b"}, {"b", "c"}, {"ab", "c"}}));
  EXPECT_EQ(used(smallTokenizer({"a", "b", "c"}, {{"b", "c"}, {"a", "b"}, {"a", "bc"}, {"ab", "c"}})),
            (Texts{{"b", "c"}, {"a", "b"}, {"a", "bc"}}));
}

TEST(UsedMergesTest, ATokenThatItsTextDoesNotBecomeNeedsNone) {
  // "aba": "a" "ba" wins over "ab" "a", and makes nothing with what is left of it.
  EXPECT_EQ(used(smallTokenizer({"a", "b"}, {{"b", "a"}, {"a", "b"}, {"ab", "a"}})),
            (Texts{{"b", "a"}, {"a", "b"}}));
}

TEST(UsedMergesTest, CharactersWithoutATokenMergeWithNothing) {
  Tokenizer tokenizer = smallTokenizer({"a", "b"}, {{"a", "b"}});
  const auto id = uint32_t(tokenizer.pieces.size());
  tokenizer.pieces.insert(tokenizer.pieces.end(), {"xa", "xab"}); // but no "x"
  tokenizer.merges.push_back({id, uint32_t(tokenizer.merges[0].right), id + 1});
  EXPECT_EQ(used(tokenizer), (Texts{{"a", "b"}}));
}

TEST(UsedMergesTest, OfEqualMergesTheLaterIsKept) {
  EXPECT_EQ(used(smallTokenizer({"a", "b", "c"}, {{"a", "b"}, {"b", "c"}, {"a", "b"}})),
            (Texts{{"b", "c"}, {"a", "b"}}));
}

// The search would take the square of their length.
TEST(UsedMergesTest, MergesOfVeryLongTokensAreKept) {
  const std::string half(200, 'a');
  Tokenizer tokenizer = smallTokenizer({"a"}, {});
  const auto id = uint32_t(tokenizer.pieces.size());
  tokenizer.pieces.insert(tokenizer.pieces.end(), {half, half + half});
  tokenizer.merges.push_back({id, id, id + 1});
  EXPECT_EQ(used(tokenizer), (Texts{{half, half}}));
}
