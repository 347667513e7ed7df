// What `gemmac tokenize` calls.

#include "compiler/package/ModelTokenizer.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>

using namespace gemmac;

TEST(ModelTokenizerTest, TokenizesForACheckpoint) {
  const std::string directory = std::string(GEMMAC_SHARED_DIR) + "/golden/tiny-e2b";
  if (!std::filesystem::exists(directory))
    GTEST_SKIP() << "needs " << directory;
  llvm::Expected<ModelTokenizer> model = ModelTokenizer::open(directory);
  ASSERT_TRUE(bool(model)) << llvm::toString(model.takeError());
  llvm::Expected<std::vector<int32_t>> ids = model->encode("Hello, world!", /*bos=*/true);
  ASSERT_TRUE(bool(ids));
  EXPECT_EQ(*ids, (std::vector<int32_t>{2, 983, 931, 870, 374}));
  EXPECT_EQ(llvm::cantFail(model->decode(*ids, /*skipSpecial=*/false)), "<bos>Hello, world!");
  EXPECT_EQ(llvm::cantFail(model->decode(*ids, /*skipSpecial=*/true)), "Hello, world!");
  EXPECT_EQ(llvm::cantFail(model->encode("<bos>Hello, world!", /*bos=*/true)), *ids) << "once";
  EXPECT_EQ(llvm::cantFail(model->encode("<bos>Hello, world!", /*bos=*/false)), *ids);
  llvm::Expected<std::string> outside = model->decode({2048}, false);
  EXPECT_EQ(llvm::toString(outside.takeError()), "id 2048 is outside the vocabulary, 0 to 2047");
}

TEST(ModelTokenizerTest, SaysWhatIsNoModel) {
  const std::string directory = testing::TempDir() + "gemmac-no-model";
  std::filesystem::create_directories(directory);
  const auto errorOf = [](const std::string &model) {
    llvm::Expected<ModelTokenizer> opened = ModelTokenizer::open(model);
    return opened ? "" : llvm::toString(opened.takeError());
  };
  EXPECT_NE(errorOf(directory).find("neither a tokenizer.json nor a package"), std::string::npos);
  std::ofstream(directory + "/a.weights") << "this is no package";
  EXPECT_NE(errorOf(directory).find("a.weights"), std::string::npos);
  std::ofstream(directory + "/b.weights");
  EXPECT_NE(errorOf(directory).find("more than one package"), std::string::npos);
  std::filesystem::remove_all(directory);
  EXPECT_NE(errorOf(directory).find(directory), std::string::npos);
}
