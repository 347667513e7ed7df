//===- OutputFileTest.cpp - a file appears whole or not at all ------------------------------------------===//

#include "compiler/package/OutputFile.h"

#include "gtest/gtest.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace gemmac;

namespace {

class OutputFiles : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "gemmac-output-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string &name) const { return folder + "/" + name; }
  size_t filesInFolder() const {
    auto all = std::filesystem::directory_iterator(folder);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }
  static std::string text(const std::string &file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string folder;
};

TEST_F(OutputFiles, HasItsNameOnlyAfterCommit) {
  auto file = OutputFile::create(path("model.h"));
  ASSERT_TRUE(static_cast<bool>(file));
  ASSERT_FALSE(file->append("one "));
  ASSERT_FALSE(file->append("two"));
  EXPECT_FALSE(std::filesystem::exists(path("model.h")));
  ASSERT_FALSE(file->commit());
  EXPECT_EQ(text(path("model.h")), "one two");
  EXPECT_EQ(filesInFolder(), 1u);
}

TEST_F(OutputFiles, LeavesWhatWasThereWhenGivenUp) {
  std::ofstream(path("model.h")) << "old";
  {
    auto file = OutputFile::create(path("model.h"));
    ASSERT_TRUE(static_cast<bool>(file));
    ASSERT_FALSE(file->append("new"));
  }
  EXPECT_EQ(text(path("model.h")), "old");
  EXPECT_EQ(filesInFolder(), 1u);
}

TEST_F(OutputFiles, SaysThatAFolderIsMissing) {
  auto file = OutputFile::create(path("no/model.h"));
  ASSERT_FALSE(static_cast<bool>(file));
  EXPECT_EQ(llvm::toString(file.takeError()),
            "cannot write '" + path("no/model.h") + "': No such file or directory");
}

// A limit on the size of files fails at the same call as a full disk.
TEST_F(OutputFiles, LeavesNothingWhenTheDiskIsFull) {
  auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small{4096, old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  {
    auto file = OutputFile::create(path("model.weights"));
    ASSERT_TRUE(static_cast<bool>(file));
    std::vector<uint8_t> bytes(10000);
    message = llvm::toString(file->writeAt(0, bytes));
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(message, "cannot write '" + path("model.weights") + "': File too large");
  EXPECT_EQ(filesInFolder(), 0u);
}

} // namespace
