// Tokens are those of Hugging Face's tokenizers, text is theirs too; recorded pairs are in the shared folder.

#include "LoadedTokenizer.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

using namespace gemmac;
using nlohmann::json;

static const std::string kShared = GEMMAC_SHARED_DIR;
static const std::string kRealVocabulary = GEMMAC_REAL_VOCABULARY;

static std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static std::unique_ptr<LoadedTokenizer> load(const std::string &checkpoint) {
  llvm::Expected<Tokenizer> tokenizer = readTokenizer(checkpoint);
  if (!tokenizer) {
    ADD_FAILURE() << llvm::toString(tokenizer.takeError());
    return nullptr;
  }
  return std::make_unique<LoadedTokenizer>(*tokenizer);
}

static std::string textOf(const json &value) {
  return value.get<std::string>();
}
static std::vector<int32_t> idsOf(const json &value) {
  return value.get<std::vector<int32_t>>();
}

#define SKIP_WITHOUT(path)                                                                                   \
  if (!std::filesystem::exists(path))                                                                        \
  GTEST_SKIP() << "needs " << path

static void checkPairs(const LoadedTokenizer &tokenizer, const std::string &file) {
  const json pairs = json::parse(readFile(file), nullptr, false);
  ASSERT_TRUE(pairs.is_object());
  for (const json &pair : pairs["encode"]) {
    const std::string text = textOf(pair["text"]), decoded = textOf(pair["decoded"]);
    const std::vector<int32_t> ids = idsOf(pair["ids"]);
    EXPECT_EQ(tokenizer.encode(text), ids) << pair["text"];
    EXPECT_EQ(tokenizer.encode(text, {.bos = true}), idsOf(pair["ids_with_bos"])) << pair["text"];
    EXPECT_EQ(tokenizer.decode(ids), decoded);
    EXPECT_EQ(tokenizer.stream(ids), decoded);
    if (pair.contains("decoded_skip_special")) {
      EXPECT_EQ(tokenizer.decode(ids, true), textOf(pair["decoded_skip_special"]));
      EXPECT_EQ(tokenizer.stream(ids, true), textOf(pair["decoded_skip_special"]));
    }
  }
  for (const json &pair : pairs["decode"]) {
    const std::vector<int32_t> ids = idsOf(pair["ids"]);
    const std::string text = textOf(pair.contains("text") ? pair["text"] : pair["decoded"]);
    EXPECT_EQ(tokenizer.decode(ids), text);
    EXPECT_EQ(tokenizer.stream(ids), text);
  }
}

class GoldenTokenizer : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(Models, GoldenTokenizer, testing::Values("tiny-e2b", "tiny-gemma3"));

TEST_P(GoldenTokenizer, GivesTheRecordedPairs) {
  const std::string directory = kShared + "/golden/" + GetParam();
  SKIP_WITHOUT(directory);
  const auto tokenizer = load(directory);
  ASSERT_TRUE(tokenizer && tokenizer->opened);
  EXPECT_TRUE(tokenizer->vocabulary.addBos());
  checkPairs(*tokenizer, directory + "/ref/tokenizer.json");
}

// What a chat template wrote, with its special tokens.
TEST(TokenizerTest, EncodesConversations) {
  for (const char *model : {"tiny-e2b", "tiny-31b", "tiny-gemma3"}) {
    const std::string directory = kShared + "/golden/" + model;
    SKIP_WITHOUT(directory);
    const auto tokenizer = load(directory);
    ASSERT_TRUE(tokenizer);
    for (const json &chat : json::parse(readFile(directory + "/ref/chat.json"), nullptr, false))
      EXPECT_EQ(tokenizer->encode(textOf(chat["text"])), idsOf(chat["ids"])) << chat["name"];
  }
}

/// The vocabulary of Gemma 4 in both formats.
class RealVocabulary : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    SKIP_WITHOUT(GetParam());
    const bool gguf = std::filesystem::path(GetParam()).extension() == ".gguf";
    static std::unique_ptr<LoadedTokenizer> loaded[2];
    if (!loaded[gguf])
      loaded[gguf] = load(gguf ? GetParam() : std::filesystem::path(GetParam()).parent_path().string());
    ASSERT_TRUE(loaded[gguf] && loaded[gguf]->opened);
    tokenizer = loaded[gguf].get();
  }
  const LoadedTokenizer *tokenizer = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Formats, RealVocabulary,
                         testing::Values(kRealVocabulary + "/tokenizer.json",
                                         kShared + "/vocab/gemma-4-vocab.gguf"),
                         [](const auto &info) { return info.index ? "Gguf" : "Json"; });

TEST_P(RealVocabulary, GivesTheRecordedPairs) {
  checkPairs(*tokenizer, kShared + "/vocab/pairs.json");
}

TEST_P(RealVocabulary, GivesALongTextBack) {
  EXPECT_EQ(tokenizer->vocabulary.size(), 262144u);
  const std::string text = readFile(kShared + "/models/shakespeare.txt");
  SKIP_WITHOUT(kShared + "/models/shakespeare.txt");
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text)), text);
}
