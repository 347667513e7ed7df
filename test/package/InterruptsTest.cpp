//===- InterruptsTest.cpp - what an interrupted process leaves behind: nothing --------------------------===//

#include "compiler/package/Interrupts.h"
#include "compiler/package/OutputFolder.h"
#include "test/TemporaryFolder.h"

#include "gtest/gtest.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace gemmac;
namespace stdfs = std::filesystem;

namespace {

/// A shell's background job begins with signals ignored, and so would all that is started here.
const bool signalsAreDefault = [] {
  for (int number : {SIGINT, SIGTERM, SIGHUP})
    std::signal(number, SIG_DFL);
  return true;
}();

void waitFor(const stdfs::path &file) {
  while (!stdfs::exists(file))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

/// A process that does this until the signal comes; what it ended by.
template <typename Work>
int interrupted(int signal, const stdfs::path &ready, Work work) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  waitFor(ready);
  kill(child, signal);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

struct Interrupts : testing::Test {
  void SetUp() override {
    stdfs::create_directory(root / "tmp");
    setenv("TMPDIR", (root / "tmp").c_str(), 1);
  }
  void TearDown() override { unsetenv("TMPDIR"); }

  test::TemporaryFolder root;
};

TEST_F(Interrupts, RemoveFoldersAndOutputs) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int endedBy = interrupted(signal, root / "ready", [&] {
      OutputFolder output(root / "out/model");
      llvm::cantFail(output.make());
      llvm::cantFail(output.write("model.h", "text"));
      TemporaryFolder folder = llvm::cantFail(TemporaryFolder::create("test"));
      for (int i = 0; i < 200; ++i) // more than a directory gives at once
        std::ofstream(folder.path() + "/a-file-with-a-long-name-" + std::to_string(i)) << i;
      std::ofstream(root / "ready") << 1;
      pause();
    });
    EXPECT_EQ(endedBy, signal);
    EXPECT_TRUE(stdfs::is_empty(root / "tmp"));
    EXPECT_FALSE(stdfs::exists(root / "out"));
    stdfs::remove(root / "ready");
  }
}

// A program that goes on would write into the folder, or to its output, after they have been removed.
TEST_F(Interrupts, EndProgramsFirst) {
  const std::string script =
      "trap '' INT; echo $$ > " + (root / "pid") + "; sh -c 'sleep 100' ; echo > " + (root / "went-on");
  const int endedBy = interrupted(SIGTERM, root / "pid", [&] {
    TemporaryFolder folder = llvm::cantFail(TemporaryFolder::create("test"));
    llvm::consumeError(runToTheEnd({"/bin/sh", "-c", script}, folder.path() + "/said").takeError());
  });
  EXPECT_EQ(endedBy, SIGTERM);
  EXPECT_TRUE(stdfs::is_empty(root / "tmp"));
  pid_t program = 0;
  std::ifstream(root / "pid") >> program;
  ASSERT_GT(program, 0);
  EXPECT_NE(kill(program, 0), 0);
  EXPECT_FALSE(stdfs::exists(root / "went-on"));
}

TEST_F(Interrupts, ASignalThatIsIgnoredStaysSo) {
  const int endedBy = interrupted(SIGKILL, root / "ready", [&] {
    std::signal(SIGHUP, SIG_IGN);
    TemporaryFolder folder = llvm::cantFail(TemporaryFolder::create("test"));
    raise(SIGHUP);
    std::ofstream(root / "ready") << stdfs::exists(folder.path());
    pause();
  });
  EXPECT_EQ(endedBy, SIGKILL);
  EXPECT_FALSE(stdfs::is_empty(root / "tmp"));
}

TEST_F(Interrupts, NothingStaysWithoutOneEither) {
  {
    llvm::Expected<TemporaryFolder> folder = TemporaryFolder::create("test");
    ASSERT_TRUE(static_cast<bool>(folder));
    std::ofstream(folder->path() + "/file") << 1;
    llvm::Expected<int> code = runToTheEnd({"/bin/sh", "-c", "echo words; exit 3"}, folder->path() + "/said");
    ASSERT_TRUE(static_cast<bool>(code));
    EXPECT_EQ(*code, 3);
    std::ifstream said(folder->path() + "/said");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(said), {}), "words\n");
  }
  EXPECT_TRUE(stdfs::is_empty(root / "tmp"));
}

TEST_F(Interrupts, AFolderThatCannotBeMadeIsNamed) {
  setenv("TMPDIR", (root / "none").c_str(), 1);
  llvm::Expected<TemporaryFolder> folder = TemporaryFolder::create("test");
  ASSERT_FALSE(static_cast<bool>(folder));
  EXPECT_EQ(llvm::toString(folder.takeError()),
            "cannot make a folder in '" + (root / "none") + "': No such file or directory");
}

} // namespace
