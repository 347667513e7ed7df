//===- CheckpointTest.cpp - a directory as it was downloaded --------------------------------------------===//

#include "compiler/import/Checkpoint.h"
#include "Folder.h"

namespace gemmac {
namespace {

TEST(Checkpoint, OpensTheExample) {
  auto checkpoint = openCheckpoint(GEMMAC_EXAMPLES_DIR "/bard-e2b/");
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ(checkpoint->name, "bard_e2b");
  EXPECT_EQ(checkpoint->config.layers.size(), 10u);
  EXPECT_EQ(checkpoint->config.layers[4].headDim, 64);
  EXPECT_EQ(checkpoint->generation.stop, (std::vector<int32_t>{1}));
  EXPECT_TRUE(checkpoint->weights->find("model.embed_tokens.weight"));
}

/// A model of one layer whose file has the embedding, and a head with these bytes.
void writeWithHead(const Folder &folder, const std::string &dtype, const std::string &head) {
  folder.writeJson("config.json", {{"model_type", "gemma3_text"},
                                   {"vocab_size", 2},
                                   {"hidden_size", 2},
                                   {"num_hidden_layers", 1},
                                   {"eos_token_id", 1}});
  std::string table("\x80\x3f\x00\x40\x40\x40\x80\x40", 8); // 1, 2, 3, 4 in bfloat16
  nlohmann::json header = {
      {"model.embed_tokens.weight", {{"dtype", "BF16"}, {"shape", {2, 2}}, {"data_offsets", {0, 8}}}},
      {"lm_head.weight", {{"dtype", dtype}, {"shape", {2, 2}}, {"data_offsets", {8, 8 + head.size()}}}}};
  std::string text = header.dump();
  uint64_t length = text.size();
  folder.write("model.safetensors",
               std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + text + table + head);
}

TEST(Checkpoint, AHeadWithOtherNumbersIsUsedThoughTheConfigurationSaysTied) {
  Folder folder;
  writeWithHead(folder, "BF16", std::string("\x80\x3f\x00\x40\x40\x40\x80\xc0", 8));
  auto checkpoint = openCheckpoint(folder.string());
  ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_FALSE(checkpoint->config.tiedHead);
  ASSERT_EQ(checkpoint->config.remarks.size(), 1u);
  EXPECT_SAYS(checkpoint->config.remarks[0], "says that head and embedding are tied, but 'lm_head.weight' of "
                                             "model.safetensors has other numbers than "
                                             "'model.embed_tokens.weight' and is used");
}

TEST(Checkpoint, AHeadWithTheSameNumbersStaysTied) {
  const float numbers[] = {1, 2, 3, 4};
  for (auto [dtype, bytes] : {std::pair("BF16", std::string("\x80\x3f\x00\x40\x40\x40\x80\x40", 8)),
                              std::pair("F32", std::string(reinterpret_cast<const char *>(numbers), 16))}) {
    Folder folder;
    writeWithHead(folder, dtype, bytes);
    auto checkpoint = openCheckpoint(folder.string());
    ASSERT_TRUE(bool(checkpoint)) << llvm::toString(checkpoint.takeError());
    EXPECT_TRUE(checkpoint->config.tiedHead) << dtype;
    EXPECT_TRUE(checkpoint->config.remarks.empty()) << dtype;
  }
}

TEST(Checkpoint, NamesAreIdentifiers) {
  EXPECT_EQ(identifierFrom("gemma-4-E2B-it"), "gemma_4_e2b_it");
  EXPECT_EQ(identifierFrom("12b"), "model_12b");
  EXPECT_EQ(identifierFrom("--"), "model");
  EXPECT_EQ(identifierFrom("ein Modell (größer)."), "ein_modell_gr_er");
  EXPECT_EQ(identifierOf("somewhere/gemma-3-270m-Q4_K_M.gguf"), "gemma_3_270m_q4_k_m");
  EXPECT_EQ(identifierOf("/somewhere/gemma-4-31b-00001-of-00003.gguf"), "gemma_4_31b");
}

TEST(Checkpoint, SaysWhatIsMissing) {
  Folder folder;
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string() + "/nowhere")), "/nowhere: No such file or directory");
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "config.json: No such file or directory");
  folder.writeJson("config.json", nlohmann::json{{"model_type", "gemma4_text"}});
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string() + "/config.json")), "does not begin with 'GGUF'");
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "holds neither model.safetensors nor");
}

TEST(Checkpoint, CallsPointersOfGitLfsByTheirName) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n"
                              "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
                              "size 10246621918\n";
  const std::string said = ": is a Git LFS pointer to a file of 10246621918 bytes, not the file itself";
  Folder folder;
  folder.write("model.gguf", pointer);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string() + "/model.gguf")), "/model.gguf" + said);
  folder.writeJson("config.json", nlohmann::json{{"model_type", "gemma4_text"}});
  folder.writeJson("model.safetensors.index.json",
                   {{"weight_map", {{"a", "model-00001-of-00002.safetensors"}}}});
  folder.write("model-00001-of-00002.safetensors", pointer);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "/model-00001-of-00002.safetensors" + said);
  folder.write("model.safetensors.index.json", pointer);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "/model.safetensors.index.json" + said);
  folder.write("model.safetensors", pointer);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "/model.safetensors" + said);
  folder.write("config.json", pointer);
  EXPECT_SAYS(errorOf(openCheckpoint(folder.string())), "/config.json" + said);
}

} // namespace
} // namespace gemmac
