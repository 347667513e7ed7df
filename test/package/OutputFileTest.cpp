//===- OutputFileTest.cpp - a file appears whole or not at all ------------------------------------------===//

#include "compiler/package/OutputFile.h"

#include "gtest/gtest.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
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

TEST_F(OutputFiles, ReplacesNothingButFiles) {
  std::filesystem::create_directory(path("folder"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  auto messageFor = [&](const std::string &name) {
    auto file = OutputFile::create(path(name));
    return file ? "" : llvm::toString(file.takeError());
  };
  EXPECT_EQ(messageFor("folder"), "cannot write '" + path("folder") + "': it is a directory");
  EXPECT_EQ(messageFor("pipe"), "cannot write '" + path("pipe") + "': it is no regular file");
  EXPECT_EQ(filesInFolder(), 2u);
}

// Streams that grow side by side, farther apart than what is gathered before it is written, and going back.
TEST_F(OutputFiles, KeepsWhatIsWrittenInAnyOrder) {
  constexpr size_t kStreams = 9, kStream = 3'000'001, kStep = 300'007;
  std::string expected(kStreams * kStream, '\0');
  auto file = OutputFile::create(path("model.weights"));
  ASSERT_TRUE(static_cast<bool>(file));
  for (size_t at = 0; at < kStream; at += kStep)
    for (size_t stream = 0; stream < kStreams; ++stream) {
      std::vector<uint8_t> bytes(std::min(kStep, kStream - at), static_cast<uint8_t>(1 + stream + at % 17));
      size_t offset = stream * kStream + at;
      std::copy(bytes.begin(), bytes.end(), expected.begin() + static_cast<ptrdiff_t>(offset));
      ASSERT_FALSE(file->writeAt(offset, bytes));
    }
  expected.replace(0, 4, "head");
  ASSERT_FALSE(file->writeAt(0, std::vector<uint8_t>{'h', 'e', 'a', 'd'}));
  ASSERT_FALSE(file->append("end"));
  ASSERT_FALSE(file->commit());
  EXPECT_TRUE(text(path("model.weights")) == expected + "end");
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
    llvm::Error written = file->writeAt(0, bytes);
    message = llvm::toString(written ? std::move(written) : file->commit());
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(message, "cannot write '" + path("model.weights") + "': File too large");
  EXPECT_EQ(filesInFolder(), 0u);
}

} // namespace
