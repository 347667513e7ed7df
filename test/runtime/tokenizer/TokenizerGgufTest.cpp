// Tokenizers in the metadata of GGUF files: merges from scores, and what a file cannot mean.

#include "compiler/package/TokenizerGguf.h"
#include "LoadedTokenizer.h"
#include "compiler/package/ModelTokenizer.h"
#include "test/import/GgufBytes.h"

#include "gtest/gtest.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

using namespace gemmac;

namespace {

using Type = GgufValue::Type;
using Words = std::vector<std::string>;

enum { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// The metadata of a small tokenizer of either kind, and what of it a test leaves out.
struct Metadata {
  std::string model, pre;
  Words tokens;
  std::vector<float> scores;
  std::vector<int32_t> types;
  Words merges;
  std::map<std::string, bool> flags = {{"tokenizer.ggml.add_space_prefix", false}};
  std::map<std::string, uint32_t> ids;
  std::string chatTemplate;
  std::vector<std::string> absent;

  void add(const std::string &token, float score, int32_t type = kNormal) {
    tokens.push_back(token);
    scores.push_back(score);
    types.push_back(type);
  }

  std::string bytes() const {
    GgufBytes bytes;
    const auto has = [&](const char *key) {
      return std::find(absent.begin(), absent.end(), key) == absent.end();
    };
    if (has("tokenizer.ggml.model"))
      bytes.key("tokenizer.ggml.model", model);
    if (!pre.empty())
      bytes.key("tokenizer.ggml.pre", pre);
    if (has("tokenizer.ggml.tokens"))
      bytes.list("tokenizer.ggml.tokens", tokens);
    if (has("tokenizer.ggml.scores"))
      bytes.list("tokenizer.ggml.scores", Type::f32, scores);
    if (has("tokenizer.ggml.token_type"))
      bytes.list("tokenizer.ggml.token_type", Type::i32, types);
    if (has("tokenizer.ggml.merges"))
      bytes.list("tokenizer.ggml.merges", merges);
    if (!chatTemplate.empty())
      bytes.key("tokenizer.chat_template", chatTemplate);
    for (const auto &[key, value] : flags)
      bytes.key(key, Type::boolean, uint8_t(value));
    for (const auto &[key, value] : ids)
      bytes.key(key, Type::u32, value);
    return bytes.bytes();
  }
};

/// `<unk>`, `<bos>`, `<eos>`, two bytes and then single characters. No score of a character matters.
Metadata withCharacters(const std::string &model, const Words &characters) {
  Metadata metadata;
  metadata.model = model;
  metadata.add("<unk>", 0, kUnknown);
  metadata.add("<bos>", 0, kControl);
  metadata.add("<eos>", 0, kControl);
  metadata.add("<0xC3>", 0, kByte);
  metadata.add("<0xA4>", 0, kByte);
  for (const std::string &character : characters)
    metadata.add(character, -1000);
  return metadata;
}

class TokenizerGgufTest : public testing::Test {
protected:
  void SetUp() override {
    directory =
        testing::TempDir() + "gemmac-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(directory);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  llvm::Expected<Tokenizer> read(const Metadata &metadata) const {
    std::ofstream(path(), std::ios::binary) << metadata.bytes();
    return readTokenizer(path());
  }
  Tokenizer opened(const Metadata &metadata) const {
    llvm::Expected<Tokenizer> tokenizer = read(metadata);
    if (tokenizer)
      return std::move(*tokenizer);
    ADD_FAILURE() << llvm::toString(tokenizer.takeError());
    return {};
  }
  void expectRefused(const Metadata &metadata, const std::string &message) const {
    llvm::Expected<Tokenizer> tokenizer = read(metadata);
    const std::string error = tokenizer ? "" : llvm::toString(tokenizer.takeError());
    EXPECT_EQ(error.rfind(path() + ": key 'tokenizer.ggml." + message, 0), 0u)
        << message << ", not: " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
  std::string path() const { return directory + "/model.gguf"; }

  std::string directory;
};

/// The rule of SentencePiece as it is written: while two neighbours' texts make a token, the token of highest
/// score, of equal ones the leftmost.
std::vector<int32_t> mergeByScores(const Metadata &metadata, const std::string &text) {
  std::map<std::string, int32_t> ids;
  for (size_t id = 0; id < metadata.tokens.size(); ++id)
    ids[metadata.tokens[id]] = int32_t(id);
  std::vector<std::string> symbols;
  for (char c : text)
    symbols.push_back(std::string(1, c));
  while (true) {
    size_t best = 0;
    float highest = -INFINITY;
    for (size_t i = 0; i + 1 < symbols.size(); ++i)
      if (auto found = ids.find(symbols[i] + symbols[i + 1]); found != ids.end())
        if (const float score = metadata.scores[size_t(found->second)]; score > highest) {
          highest = score;
          best = i;
        }
    if (highest == -INFINITY)
      break;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + int64_t(best) + 1);
  }
  std::vector<int32_t> result;
  for (const std::string &symbol : symbols)
    result.push_back(ids[symbol]);
  return result;
}

} // namespace

// Scores stand in any order: a token may come before those that it is made of.
TEST_F(TokenizerGgufTest, ScoresMergeAsTheRuleSays) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    Metadata metadata = withCharacters("llama", {"a", "b"});
    Words made = {"a", "b"};
    while (made.size() < 20) {
      const std::string token = made[random() % made.size()] + made[random() % made.size()];
      if (token.size() <= 7 && std::find(made.begin(), made.end(), token) == made.end()) {
        made.push_back(token);
        metadata.add(token, -float(made.size()));
      }
    }
    std::shuffle(metadata.scores.end() - 18, metadata.scores.end(), random);
    const LoadedTokenizer loaded(opened(metadata));
    ASSERT_TRUE(loaded.opened);
    for (int sample = 0; sample < 20; ++sample) {
      std::string text;
      for (size_t length = 1 + random() % 40; text.size() < length;)
        text += random() % 4 ? "ab"[random() % 2] : 'a';
      ASSERT_EQ(loaded.encode(text), mergeByScores(metadata, text)) << text;
    }
  }
}

TEST_F(TokenizerGgufTest, SpecialAndUserDefinedTokensAreFoundFirst) {
  Metadata metadata = withCharacters("llama", {"▁", "a", "\n", "▁a"});
  metadata.scores.back() = -1;
  metadata.add("  ", -1000, kUserDefined); // as converters write them: with blanks
  metadata.add("\n\n", -1000, kUserDefined);
  const LoadedTokenizer loaded(opened(metadata));
  EXPECT_EQ(loaded.encode(" a  a\n\n\na<eos>"), (std::vector<int32_t>{8, 9, 6, 10, 7, 6, 2}));
  EXPECT_EQ(loaded.decode({8, 9, 6, 10, 7, 6, 2}), " a  a\n\n\na<eos>");
  EXPECT_EQ(loaded.decode({8, 9, 6, 2}, /*skipSpecial=*/true), " a  a");
  EXPECT_EQ(loaded.encode("a", {.bos = true}), (std::vector<int32_t>{1, 6}));
  // Characters without a token are bytes.
  EXPECT_EQ(loaded.encode("aäa"), (std::vector<int32_t>{6, 3, 4, 6}));
  EXPECT_TRUE(loaded.vocabulary.addBos());
}

TEST_F(TokenizerGgufTest, MergesAreTakenInTheirOrder) {
  Metadata metadata = withCharacters("gemma4", {"a", "b", "ab", "ba", "aba"});
  metadata.merges = {"b a", "a b", "ab a"};
  metadata.flags.clear();
  const LoadedTokenizer loaded(opened(metadata));
  EXPECT_EQ(loaded.encode("aba"), (std::vector<int32_t>{5, 8}));
  EXPECT_EQ(loaded.encode("abb"), (std::vector<int32_t>{7, 6}));
}

TEST_F(TokenizerGgufTest, ThePreTokenizerSaysThatMergesCount) {
  for (const char *model : {"llama", "gpt2", "gemma4"}) {
    Metadata metadata = withCharacters(model, {"a", "b", "ab", "ba", "aba"});
    metadata.pre = "gemma4";
    metadata.merges = {"b a", "a b", "ab a"};
    metadata.flags.clear();
    // Counted: by these scores 'aba' would come first.
    for (size_t id = 0; id < metadata.scores.size(); ++id)
      metadata.scores[id] = float(id);
    const LoadedTokenizer loaded(opened(metadata));
    EXPECT_EQ(loaded.encode("aba"), (std::vector<int32_t>{5, 8})) << model;
  }
}

TEST_F(TokenizerGgufTest, MergesBesideScoresMustAgreeWithThem) {
  Metadata metadata = withCharacters("llama", {"a", "b"});
  metadata.add("ab", -2);
  metadata.add("ba", -1);
  metadata.merges = {"b a", "a b"};
  EXPECT_EQ(LoadedTokenizer(opened(metadata)).encode("aba"), (std::vector<int32_t>{5, 8}));
  metadata.merges = {"a b", "b a"};
  expectRefused(metadata,
                "scores': say that 'ba' merges before 'ab', but 'tokenizer.ggml.merges' say the opposite; "
                "'tokenizer.ggml.pre', 'gemma4', would say that merges count");
  for (size_t id = 0; id < metadata.scores.size(); ++id)
    metadata.scores[id] = float(id);
  EXPECT_EQ(LoadedTokenizer(opened(metadata)).encode("aba"), (std::vector<int32_t>{7, 5}));
}

TEST_F(TokenizerGgufTest, RefusesAPreTokenizerOfAnotherFamily) {
  Metadata metadata = withCharacters("gemma4", {"a"});
  metadata.pre = "llama-bpe";
  expectRefused(metadata, "pre': is 'llama-bpe', which contradicts 'tokenizer.ggml.model', 'gemma4'");
  metadata.model = "gpt2";
  expectRefused(metadata, "model': is 'gpt2', but 'gemma4' (merges) or 'llama' (scores) is needed");
}

TEST_F(TokenizerGgufTest, TokensAreNamedByKeysOrByTheirTexts) {
  Metadata metadata = withCharacters("llama", {"▁", "<pad>"});
  for (const char *character : {"<", "p", "a", "d", ">"})
    metadata.add(character, -1000);
  Tokenizer tokenizer = opened(metadata);
  EXPECT_EQ(tokenizer.unk, 0);
  EXPECT_EQ(tokenizer.bos, 1);
  EXPECT_EQ(tokenizer.eos, 2);
  EXPECT_EQ(tokenizer.pad, 6);
  EXPECT_EQ(tokenizer.chatTemplate, "");
  metadata.ids = {{"tokenizer.ggml.bos_token_id", 2}, {"tokenizer.ggml.padding_token_id", 0}};
  metadata.chatTemplate = "{{ bos_token }}\n";
  tokenizer = opened(metadata);
  EXPECT_EQ(tokenizer.chatTemplate, "{{ bos_token }}\n");
  EXPECT_TRUE(tokenizer.remarks.empty());
  EXPECT_EQ(tokenizer.bos, 2);
  EXPECT_EQ(tokenizer.pad, 0);
  metadata.chatTemplate = std::string("{{ a }}\0{{ b }}", 15);
  tokenizer = opened(metadata);
  EXPECT_EQ(tokenizer.chatTemplate, "") << "the runtime shows it as a C string";
  EXPECT_NE(tokenizer.remarks.at(0).find("the chat template holds a zero byte"), std::string::npos);
}

TEST_F(TokenizerGgufTest, TheToolReadsAFile) {
  ASSERT_TRUE(bool(read(withCharacters("llama", {"▁", "a"}))));
  llvm::Expected<ModelTokenizer> model = ModelTokenizer::open(path());
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  EXPECT_EQ(llvm::cantFail(model->encode("a a", /*bos=*/true)), (std::vector<int32_t>{1, 6, 5, 6}));
}

TEST_F(TokenizerGgufTest, RefusesOtherKinds) {
  Metadata metadata = withCharacters("gpt2", {"a"});
  expectRefused(metadata, "model': is 'gpt2', but 'gemma4' (merges) or 'llama' (scores) is needed");
  metadata.absent = {"tokenizer.ggml.model"};
  expectRefused(metadata, "model': is ''");
  metadata = withCharacters("llama", {"a"});
  metadata.flags["tokenizer.ggml.add_space_prefix"] = true;
  expectRefused(metadata, "add_space_prefix': is true, but must be false");
  metadata.flags.clear();
  EXPECT_TRUE(bool(read(metadata)));
  metadata.flags = {{"tokenizer.ggml.add_space_prefix", false}, {"tokenizer.ggml.add_eos_token", true}};
  expectRefused(metadata, "add_eos_token': is true");
}

TEST_F(TokenizerGgufTest, RefusesListsThatDoNotFit) {
  for (const char *list : {"tokens", "token_type", "scores"}) {
    Metadata metadata = withCharacters("llama", {"a"});
    metadata.absent = {std::string("tokenizer.ggml.") + list};
    expectRefused(metadata, std::string(list) + "': is missing");
  }
  Metadata metadata = withCharacters("llama", {"a"});
  metadata.scores.pop_back();
  expectRefused(metadata, "scores': has 5 elements, but there are 6 tokens");
  metadata = withCharacters("llama", {"a"});
  metadata.types.push_back(1);
  expectRefused(metadata, "token_type': has 7 elements, but there are 6 tokens");
  metadata = withCharacters("llama", {"a"});
  metadata.types.back() = 7;
  expectRefused(metadata, "token_type': element 5 is 7, but must be from 1 to 6");
  metadata = Metadata();
  metadata.model = "llama";
  expectRefused(metadata, "tokens': has 0 elements, but must have 1 to");
  metadata = withCharacters("llama", {"a"});
  metadata.ids = {{"tokenizer.ggml.bos_token_id", 6}};
  expectRefused(metadata, "bos_token_id': is 6, but the vocabulary's ids go from 0 to 5");
}

TEST_F(TokenizerGgufTest, RefusesBadTokens) {
  expectRefused(withCharacters("llama", {"a", "a"}), "tokens': 'a' is token 5 and 6");
  expectRefused(withCharacters("llama", {"\xc3"}), "tokens': token 5 is not UTF-8");
  expectRefused(withCharacters("llama", {std::string(1025, 'a')}),
                "tokens': token 5 has 1025 bytes, but at most 1024 are read");
  expectRefused(withCharacters("llama", {"a", "aü"}),
                "tokens': token 6, 'aü', has the character 'ü', which is no token: no merge can make it");
}

TEST_F(TokenizerGgufTest, RefusesScoresThatOrderNothing) {
  Metadata metadata = withCharacters("llama", {"a", "b"});
  metadata.add("ab", -1);
  metadata.add("ba", -1);
  expectRefused(metadata, "scores': tokens 'ab' and 'ba' have the same score, -1.000000");
  metadata.scores.back() = NAN;
  expectRefused(metadata, "scores': element 8 is no number");
}

TEST_F(TokenizerGgufTest, RefusesBadMerges) {
  const auto refuse = [&](const std::string &merge, const std::string &message) {
    Metadata metadata = withCharacters("gemma4", {"a", "b", "ab"});
    metadata.merges = {"a b", merge};
    expectRefused(metadata, "merges': element 1" + message);
  };
  refuse("ab", " is 'ab', but must be two tokens with a blank between them");
  refuse("a ", " is 'a ', but must be two tokens");
  refuse("", " is '', but must be two tokens");
  refuse("b a", ": 'ba' is no token");
  refuse("c a", ": 'c' is no token");
  refuse("a b c", ": 'b c' is no token");
  Metadata metadata = withCharacters("gemma4", {"a"});
  metadata.absent = {"tokenizer.ggml.merges"};
  expectRefused(metadata, "merges': is missing");
}
