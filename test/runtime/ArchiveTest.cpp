// What ships, as a device gets it: the archives' size, what they need from elsewhere, and that they link
// without a C++ library.

#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>
#include <string>

namespace {

std::string output(const std::string &command) {
  std::string text;
  FILE *pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t got; (got = fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    text.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return text;
}

struct ArchiveTest : testing::TestWithParam<const char *> {
  std::string archive(const char *name) const {
    return std::string(ARCHIVES) + "/" + GetParam() + "/" + name + ".a";
  }
};

TEST_P(ArchiveTest, TextIsSmall) {
  std::istringstream sizes(output("llvm-size-22 -t " + archive("libgemmac_runtime") + " | tail -n 1"));
  long text = 0;
  sizes >> text;
  EXPECT_GT(text, 1000);
  EXPECT_LT(text, 200'000);
}

TEST_P(ArchiveTest, NeedsNoCxxLibrary) {
  for (const char *name : {"libgemmac_runtime", "libgemmac_program"}) {
    std::istringstream symbols(output("llvm-nm-22 -u -j " + archive(name)));
    for (std::string symbol; symbols >> symbol;) {
      EXPECT_NE(symbol.rfind("_ZS", 0), 0u) << name << " needs " << symbol << " of namespace std";
      EXPECT_NE(symbol.rfind("_Zn", 0), 0u) << name << " needs operator new: " << symbol;
      EXPECT_NE(symbol.rfind("_Zd", 0), 0u) << name << " needs operator delete: " << symbol;
      EXPECT_NE(symbol.rfind("__cxa", 0), 0u) << name << " needs " << symbol;
      EXPECT_NE(symbol.rfind("__gxx", 0), 0u) << name << " needs " << symbol;
      EXPECT_NE(symbol.rfind("_Unwind", 0), 0u) << name << " needs " << symbol;
      EXPECT_NE(symbol.rfind("__asan", 0), 0u) << name << " needs " << symbol;
    }
  }
}

TEST_P(ArchiveTest, RuntimeNeitherAllocatesNorPrintsNorExits) {
  std::istringstream symbols(output("llvm-nm-22 -u -j " + archive("libgemmac_runtime")));
  for (std::string symbol; symbols >> symbol;)
    for (const char *forbidden :
         {"malloc", "calloc", "realloc", "free", "printf", "puts", "putchar", "fwrite", "write", "stdout",
          "stderr", "exit", "_exit", "abort", "__assert_fail"})
      EXPECT_NE(symbol, forbidden);
}

INSTANTIATE_TEST_SUITE_P(Triples, ArchiveTest, testing::Values(TRIPLES));

} // namespace
