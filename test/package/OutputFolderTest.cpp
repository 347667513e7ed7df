//===- OutputFolderTest.cpp - several files appear together or not at all -------------------------------===//

#include "compiler/package/OutputFolder.h"
#include "test/TemporaryFolder.h"

#include "gtest/gtest.h"

#include <fstream>
#include <map>

using namespace gemmac;
namespace stdfs = std::filesystem;

namespace {

using Texts = std::map<std::string, std::string>;

struct OutputFolders : testing::Test {
  /// Every file below the folder and what it says.
  Texts texts() const {
    Texts all;
    for (const auto &entry : stdfs::recursive_directory_iterator(root.path))
      if (entry.is_regular_file()) {
        std::ifstream stream(entry.path());
        all[stdfs::relative(entry.path(), root.path)] = {std::istreambuf_iterator<char>(stream), {}};
      }
    return all;
  }
  void write(const std::string &name, const std::string &text) { std::ofstream(root / name) << text; }

  test::TemporaryFolder root;
};

/// Adds a file for every name, with `text`.
void add(OutputFolder &folder, std::initializer_list<const char *> names, const std::string &text) {
  for (const char *name : names)
    ASSERT_FALSE(folder.write(name, text));
}

TEST_F(OutputFolders, AllFilesAppearAtOnce) {
  OutputFolder folder(root / "new");
  ASSERT_FALSE(folder.make());
  add(folder, {"a", "b"}, "1");
  ASSERT_FALSE(folder.commit());
  EXPECT_EQ(texts(), (Texts{{"new/a", "1"}, {"new/b", "1"}}));
  EXPECT_EQ(folder.committed(), (std::vector<std::string>{root / "new/a", root / "new/b"}));
}

TEST_F(OutputFolders, NewOnesReplaceOldOnes) {
  write("a", "old");
  write("other", "stays");
  {
    OutputFolder folder(root.path);
    ASSERT_FALSE(folder.make());
    add(folder, {"a", "b"}, "new");
    ASSERT_FALSE(folder.commit());
  }
  EXPECT_EQ(texts(), (Texts{{"a", "new"}, {"b", "new"}, {"other", "stays"}}));
}

// Whichever cannot have its name, all stay as they were.
TEST_F(OutputFolders, WhereOneFailsNothingChanges) {
  for (const char *bad : {"a", "b", "c"}) {
    for (const char *name : {"a", "c"})
      write(name, std::string("old ") + name);
    OutputFolder folder(root.path);
    ASSERT_FALSE(folder.make());
    add(folder, {"a", "b", "c"}, "new");
    // Since it was begun, something has come that a file cannot replace.
    stdfs::remove(root / bad);
    stdfs::create_directory(root / bad);
    Texts before{{"a", "old a"}, {"c", "old c"}};
    before.erase(bad);
    llvm::Error error = folder.commit();
    ASSERT_TRUE(static_cast<bool>(error)) << bad;
    EXPECT_EQ(llvm::toString(std::move(error)), "cannot write '" + (root / bad) + "': it is a directory");
    EXPECT_TRUE(folder.committed().empty());
    for (const auto &[name, text] : before)
      EXPECT_EQ(texts()[name], text) << bad;
    EXPECT_EQ(texts().count("b"), 0u);
    stdfs::remove(root / bad);
  }
}

TEST_F(OutputFolders, NothingIsLeftOfAFailure) {
  {
    OutputFolder folder(root / "x/y/z");
    ASSERT_FALSE(folder.make());
    add(folder, {"a", "b"}, "new");
    stdfs::create_directory(root / "x/y/z/b");
    llvm::Error error = folder.commit();
    EXPECT_TRUE(static_cast<bool>(error));
    llvm::consumeError(std::move(error));
    stdfs::remove(root / "x/y/z/b");
  }
  EXPECT_TRUE(stdfs::is_empty(root.path)) << "nor of the folders that were made for it";
}

TEST_F(OutputFolders, FoldersThatOthersUseStay) {
  {
    OutputFolder folder(root / "x/y");
    ASSERT_FALSE(folder.make());
    write("x/other", "stays");
  }
  EXPECT_EQ(texts(), (Texts{{"x/other", "stays"}}));
  EXPECT_FALSE(stdfs::exists(root / "x/y"));
}

TEST_F(OutputFolders, ADiskWithoutRoomIsSaidWithBothNumbers) {
  const OutputFolder folder(root / "not/there/yet");
  EXPECT_FALSE(static_cast<bool>(folder.checkRoom(1)));
  const uint64_t most = uint64_t{1} << 62;
  llvm::Error error = folder.checkRoom(most);
  ASSERT_TRUE(static_cast<bool>(error));
  const std::string message = llvm::toString(std::move(error));
  EXPECT_EQ(message.find("no room on the disk of '" + (root / "not/there/yet") + "': about " +
                         std::to_string(most) + " bytes are needed, "),
            0u)
      << message;
  EXPECT_NE(message.find(std::to_string(stdfs::space(root.path).available / 1'000'000'000)),
            std::string::npos)
      << message;
}

} // namespace
