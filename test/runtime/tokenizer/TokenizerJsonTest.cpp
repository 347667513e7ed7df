// A tokenizer.json that lies, is broken or means something else is refused by the name of its field.

#include "compiler/package/TokenizerJson.h"
#include "LoadedTokenizer.h"

#include "nlohmann/json.hpp"
#include "gtest/gtest.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

using namespace gemmac;
using nlohmann::json;

class TokenizerJsonTest : public testing::Test {
protected:
  void SetUp() override {
    directory =
        testing::TempDir() + "gemmac-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(directory);
    root = json::parse(R"({
      "version": "1.0", "truncation": null, "padding": null,
      "added_tokens": [
        {"id": 0, "content": "<bos>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
      ],
      "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
      "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
      "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [], "special_tokens": {}},
      "decoder": {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
      "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
        "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": {"<bos>": 0, "<unk>": 1, "▁": 2, "a": 3, "b": 4, "ab": 5, "▁ab": 6},
        "merges": [["a", "b"], ["▁", "ab"]]}
    })");
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  void write(const std::string &name, const std::string &text) {
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
  }

  std::string errorOf(const std::function<void(json &)> &change) {
    json changed = root;
    change(changed);
    write("tokenizer.json", changed.dump());
    return readError();
  }

  std::string readError() {
    llvm::Expected<Tokenizer> tokenizer = readTokenizerJson(directory);
    return tokenizer ? "" : llvm::toString(tokenizer.takeError());
  }

  void expectRefused(const std::string &field, const std::function<void(json &)> &change) {
    const std::string error = errorOf(change);
    EXPECT_EQ(error.rfind(directory + "/tokenizer.json: " + field, 0), 0u) << field << ", not: " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }

  Tokenizer read(const json &value) {
    write("tokenizer.json", value.dump());
    llvm::Expected<Tokenizer> tokenizer = readTokenizerJson(directory);
    if (tokenizer)
      return std::move(*tokenizer);
    ADD_FAILURE() << llvm::toString(tokenizer.takeError());
    return {};
  }

  std::string directory;
  json root;
};

TEST_F(TokenizerJsonTest, ReadsMergesInBothSpellings) {
  const LoadedTokenizer pairs(read(root));
  root["model"]["merges"] = {"a b", "▁ ab"};
  const LoadedTokenizer strings(read(root));
  EXPECT_EQ(pairs.encode(" ab"), std::vector<int32_t>{6});
  EXPECT_EQ(pairs.vocabulary.addBos(), true);
  ASSERT_EQ(pairs.buffer.size(), strings.buffer.size());
  EXPECT_EQ(memcmp(pairs.buffer.data(), strings.buffer.data(), pairs.buffer.size()), 0);
}

TEST_F(TokenizerJsonTest, TheChatTemplateIsAFileOrAText) {
  EXPECT_EQ(read(root).chatTemplate, "");
  write("tokenizer_config.json", R"({"chat_template": "{{ bos_token }} \u00e9"})");
  EXPECT_EQ(read(root).chatTemplate, "{{ bos_token }} \u00e9");
  write("chat_template.jinja", "{# a file #}\n");
  EXPECT_EQ(read(root).chatTemplate, "{# a file #}\n");
}

TEST_F(TokenizerJsonTest, OfNamedChatTemplatesTheDefaultIsTaken) {
  for (const char *field :
       {R"([{"name": "tool_use", "template": "tools"}, {"name": "default", "template": "plain"}])",
        R"({"rag": "documents", "default": "plain"})", R"([{"name": "mine", "template": "plain"}])"}) {
    write("tokenizer_config.json", std::string(R"({"chat_template": )") + field + "}");
    EXPECT_EQ(read(root).chatTemplate, "plain") << field;
    EXPECT_TRUE(read(root).remarks.empty()) << field;
  }
}

TEST_F(TokenizerJsonTest, AChatTemplateThatCannotBeReadIsLeftOut) {
  const std::pair<const char *, const char *> kCases[] = {
      {R"(["a"])", "'chat_template' is neither a text nor a list of named ones; it is left out"},
      {"3", "'chat_template' is neither a text nor a list of named ones; it is left out"},
      {R"([{"name": "a", "template": "1"}, {"name": "b", "template": "2"}])",
       "'chat_template' holds 'a', 'b', but none that is named 'default'; it is left out"}};
  for (const auto &[field, said] : kCases) {
    write("tokenizer_config.json", std::string(R"({"chat_template": )") + field + "}");
    const Tokenizer tokenizer = read(root);
    EXPECT_EQ(tokenizer.chatTemplate, "");
    ASSERT_EQ(tokenizer.remarks.size(), 1u) << field;
    EXPECT_NE(tokenizer.remarks[0].find(said), std::string::npos) << tokenizer.remarks[0];
  }
  std::filesystem::create_directory(directory + "/chat_template.jinja");
  EXPECT_NE(
      read(root).remarks[0].find("chat_template.jinja: is not a regular file; the chat template is left out"),
      std::string::npos);
}

TEST_F(TokenizerJsonTest, ProcessorsHaveAFileForTheirChatTemplate) {
  write("chat_template.json", R"({"chat_template": "of the processor"})");
  EXPECT_EQ(read(root).chatTemplate, "of the processor");
  write("tokenizer_config.json", R"({"chat_template": "of the tokenizer"})");
  EXPECT_EQ(read(root).chatTemplate, "of the tokenizer");
  write("tokenizer_config.json", "{}");
  write("chat_template.json", "[");
  EXPECT_EQ(read(root).chatTemplate, "");
  EXPECT_NE(read(root).remarks[0].find("chat_template.json: "), std::string::npos);
}

// The runtime shows templates as C strings.
TEST_F(TokenizerJsonTest, ChatTemplatesWithAZeroByteAreLeftOut) {
  write("tokenizer_config.json", R"({"chat_template": "{{ a }}\u0000{{ b }}"})");
  EXPECT_EQ(read(root).chatTemplate, "");
  ASSERT_EQ(read(root).remarks.size(), 1u);
  EXPECT_NE(read(root).remarks[0].find("tokenizer_config.json: the chat template holds a zero byte"),
            std::string::npos);
  write("chat_template.jinja", std::string("a\0b", 3));
  EXPECT_EQ(read(root).chatTemplate, "");
  EXPECT_NE(read(root).remarks.at(0).find("chat_template.jinja: "), std::string::npos);
}

TEST_F(TokenizerJsonTest, NamesOfUnknownFieldsStayInTheirLine) {
  const std::string error = errorOf([](json &j) { j["line\nbreak"] = 1; });
  EXPECT_NE(error.find("line\\x0abreak: is not known"), std::string::npos) << error;
}

TEST_F(TokenizerJsonTest, LongTokensAreRefused) {
  const std::string longest(1024, 'x'), tooLong(1025, 'x'), megabyte(1000000, 'x');
  const auto add = [](const std::string &text) {
    return [text](json &j) { j["added_tokens"].push_back({{"id", 7}, {"content", text}}); };
  };
  EXPECT_EQ(errorOf(add(longest)), "");
  for (const std::string &text : {tooLong, megabyte}) {
    EXPECT_NE(errorOf(add(text)).find("added_tokens[1].content: 'xxx"), std::string::npos);
    EXPECT_NE(
        errorOf(add(text)).find("has " + std::to_string(text.size()) + " bytes, but at most 1024 are read"),
        std::string::npos);
    EXPECT_NE(errorOf([&](json &j) { j["model"]["vocab"][text] = 7; }).find("model.vocab: 'xxx"),
              std::string::npos);
  }
}

// Tokens that begin alike, that contain one another, and two that are one text after spaces became "▁".
TEST_F(TokenizerJsonTest, AddedTokensAreFoundAsTheLongest) {
  const char *const kTexts[] = {"<a", "<a>", "<ab>", "<", "\u00e4<", "<a b", "<a▁b"};
  uint32_t id = 7;
  for (const char *text : kTexts) {
    root["added_tokens"].push_back({{"id", id}, {"content", text}, {"normalized", id > 11}});
    ++id;
  }
  const LoadedTokenizer loaded(read(root));
  ASSERT_TRUE(loaded.opened);
  EXPECT_EQ(loaded.encode("<a<a><ab><"), (std::vector<int32_t>{7, 8, 9, 10}));
  EXPECT_EQ(loaded.encode("\u00e4<b"), (std::vector<int32_t>{11, 4}));
  Tokenizer normalized = read(root);
  normalized.added.erase(normalized.added.begin() + 1, normalized.added.begin() + 6);
  EXPECT_EQ(LoadedTokenizer(std::move(normalized)).encode("<a b"), (std::vector<int32_t>{13}));
}

TEST_F(TokenizerJsonTest, APaddingTokenThatIsNoneIsLeftOut) {
  write("tokenizer_config.json", R"({"pad_token": "<|PAD_TOKEN|>"})");
  const Tokenizer tokenizer = read(root);
  EXPECT_EQ(tokenizer.pad, -1);
  ASSERT_EQ(tokenizer.remarks.size(), 1u);
  EXPECT_NE(tokenizer.remarks[0].find(
                R"(pad_token: "<|PAD_TOKEN|>" is no token of tokenizer.json; it is left out)"),
            std::string::npos);
}

TEST_F(TokenizerJsonTest, PromptsBeginWithBosWhereThereIsOne) {
  EXPECT_TRUE(read(root).addBos);
  write("tokenizer_config.json",
        R"({"add_bos_token": false, "bos_token": {"content": "<bos>"}, "eos_token": null})");
  EXPECT_TRUE(read(root).addBos);
  EXPECT_EQ(read(root).bos, 0);
  EXPECT_EQ(read(root).eos, -1);
  root["post_processor"] = nullptr;
  write("tokenizer_config.json", "{}");
  EXPECT_TRUE(read(root).addBos);
  write("tokenizer_config.json", R"({"bos_token": null})");
  EXPECT_FALSE(read(root).addBos);
  write("tokenizer_config.json", R"({"bos_token": "<none>"})");
  EXPECT_NE(readError().find("tokenizer_config.json: bos_token"), std::string::npos);
}

TEST_F(TokenizerJsonTest, RefusesWhatIsNoTokenizer) {
  EXPECT_NE(readError().find("tokenizer.json"), std::string::npos); // absent
  for (const char *text : {"", "{", "[]", "null", "{\"model\": \xff}", "{\"model\": {}, \"model\": {}}"}) {
    write("tokenizer.json", text);
    EXPECT_NE(readError().find(directory + "/tokenizer.json: "), std::string::npos) << text;
  }
}

TEST_F(TokenizerJsonTest, RefusesOtherKinds) {
  expectRefused("surprise", [](json &j) { j["surprise"] = 1; });
  expectRefused("model.surprise", [](json &j) { j["model"]["surprise"] = 1; });
  expectRefused("model", [](json &j) { j.erase("model"); });
  expectRefused("model.type", [](json &j) { j["model"]["type"] = "Unigram"; });
  expectRefused("model.byte_fallback", [](json &j) { j["model"]["byte_fallback"] = false; });
  expectRefused("model.ignore_merges", [](json &j) { j["model"]["ignore_merges"] = true; });
  expectRefused("model.dropout", [](json &j) { j["model"]["dropout"] = 0.1; });
  expectRefused("model.end_of_word_suffix", [](json &j) { j["model"]["end_of_word_suffix"] = "</w>"; });
  expectRefused("model.fuse_unk", [](json &j) { j["model"]["fuse_unk"] = "yes"; });
  expectRefused("normalizer", [](json &j) { j["normalizer"] = nullptr; });
  expectRefused("normalizer", [](json &j) { j["normalizer"]["type"] = "NFKC"; });
  expectRefused("pre_tokenizer", [](json &j) { j["pre_tokenizer"] = {{"type", "ByteLevel"}}; });
  expectRefused("pre_tokenizer.invert", [](json &j) { j["pre_tokenizer"]["invert"] = true; });
  expectRefused("decoder", [](json &j) { j["decoder"]["decoders"].push_back({{"type", "Strip"}}); });
  expectRefused("post_processor", [](json &j) { j["post_processor"]["type"] = "RobertaProcessing"; });
  expectRefused("post_processor.single", [](json &j) { j["post_processor"]["single"] = json::array(); });
  expectRefused("post_processor.single", [](json &j) {
    j["post_processor"]["single"].push_back({{"SpecialToken", {{"id", "<bos>"}}}});
  });
  expectRefused("post_processor.single[0]",
                [](json &j) { j["post_processor"]["single"][0]["SpecialToken"]["id"] = "<none>"; });
}

TEST_F(TokenizerJsonTest, RefusesBadIds) {
  expectRefused("model.vocab", [](json &j) { j["model"]["vocab"] = json::array(); });
  expectRefused("model.vocab", [](json &j) { j["model"]["vocab"] = json::object(); });
  expectRefused("model.vocab['a']", [](json &j) { j["model"]["vocab"]["a"] = -1; });
  expectRefused("model.vocab['a']", [](json &j) { j["model"]["vocab"]["a"] = 1.5; });
  expectRefused("model.vocab['a']", [](json &j) { j["model"]["vocab"]["a"] = 4000000000u; });
  expectRefused("model.vocab['b']", [](json &j) { j["model"]["vocab"]["b"] = 3; });
  expectRefused("model.vocab", [](json &j) {
    j["model"]["vocab"].erase("▁");
    j["model"]["merges"] = json::array();
  });
  expectRefused("model.unk_token", [](json &j) { j["model"]["unk_token"] = "<none>"; });
  expectRefused("model.unk_token", [](json &j) { j["model"]["unk_token"] = 1; });
}

TEST_F(TokenizerJsonTest, RefusesBadMerges) {
  expectRefused("model.merges", [](json &j) { j["model"]["merges"] = nullptr; });
  expectRefused("model.merges[1]", [](json &j) { j["model"]["merges"][1] = {"a", "x"}; });
  expectRefused("model.merges[1]: 'ba'", [](json &j) { j["model"]["merges"][1] = {"b", "a"}; });
  expectRefused("model.merges[0]", [](json &j) { j["model"]["merges"][0] = {"a", "b", "c"}; });
  expectRefused("model.merges[0]", [](json &j) { j["model"]["merges"][0] = "ab"; });
  expectRefused("model.merges[0]", [](json &j) { j["model"]["merges"][0] = "a b c"; });
  expectRefused("model.merges[0]", [](json &j) { j["model"]["merges"][0] = 7; });
}

TEST_F(TokenizerJsonTest, RefusesBadAddedTokens) {
  expectRefused("added_tokens", [](json &j) { j["added_tokens"] = 1; });
  expectRefused("added_tokens[0]", [](json &j) { j["added_tokens"][0] = 1; });
  expectRefused("added_tokens[0].id", [](json &j) { j["added_tokens"][0]["id"] = 3; });
  expectRefused("added_tokens[0].id", [](json &j) { j["added_tokens"][0]["id"] = -3; });
  expectRefused("added_tokens[0].content", [](json &j) { j["added_tokens"][0]["content"] = ""; });
  expectRefused("added_tokens[0].lstrip", [](json &j) { j["added_tokens"][0]["lstrip"] = true; });
  expectRefused("added_tokens[0].special", [](json &j) { j["added_tokens"][0]["special"] = 1; });
  expectRefused("added_tokens[1]", [](json &j) { j["added_tokens"].push_back(j["added_tokens"][0]); });
}

// An added token may come on top of the model's; the ids between have no text.
TEST_F(TokenizerJsonTest, AddedTokensMayExtendTheVocabulary) {
  root["added_tokens"].push_back({{"id", 9}, {"content", "<more>"}, {"special", true}});
  const LoadedTokenizer loaded(read(root));
  EXPECT_EQ(loaded.vocabulary.size(), 10u);
  EXPECT_EQ(loaded.encode("a<more>"), (std::vector<int32_t>{3, 9}));
  EXPECT_EQ(loaded.decode({8, 9}), "<more>");
}

// Damaged tables must not be read outside their bytes (run with the asan preset to see it).
TEST_F(TokenizerJsonTest, DamagedTablesGiveWrongTokensAtWorst) {
  const Tokenizer tokenizer = read(root);
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    LoadedTokenizer loaded(tokenizer);
    uint8_t *bytes = const_cast<uint8_t *>(loaded.buffer.data());
    for (int i = 0; i < 1 + round % 20; ++i)
      bytes[random() % loaded.buffer.size()] = uint8_t(random());
    flatbuffers::Verifier verifier(bytes, loaded.buffer.size());
    if (!verifier.VerifyBuffer<format::Tokenizer>(nullptr) ||
        !loaded.vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(bytes)) ||
        loaded.vocabulary.longestPiece() > 1000)
      continue;
    std::vector<int32_t> ids = loaded.encode("<bos>ab a<unk>\xff  ab<bos");
    for (int32_t id : ids)
      EXPECT_LT(uint32_t(id), std::max(1u, loaded.vocabulary.size()));
    ids.insert(ids.end(), {0, 1, 2, 3, 4, 5, 6, 7, -1});
    loaded.decode(ids);
    loaded.stream(ids);
  }
}
