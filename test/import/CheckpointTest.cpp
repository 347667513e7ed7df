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

} // namespace
} // namespace gemmac
