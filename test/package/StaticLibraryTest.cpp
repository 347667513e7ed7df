//===- StaticLibraryTest.cpp - archives and the programs that are linked of them ------------------------===//

#include "compiler/package/StaticLibrary.h"

#include "targets/Devices.h"
#include "llvm/Object/Archive.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace gemmac;

namespace {

std::vector<std::string> namesIn(const std::string &bytes) {
  std::vector<std::string> names;
  auto archive = llvm::object::Archive::create(llvm::MemoryBufferRef(bytes, "archive"));
  EXPECT_TRUE(static_cast<bool>(archive));
  llvm::Error error = llvm::Error::success();
  for (const auto &child : (*archive)->children(error))
    names.push_back(llvm::cantFail(child.getName()).str());
  EXPECT_FALSE(static_cast<bool>(error));
  return names;
}

TEST(StaticLibrary, HoldsTheRuntimeBesideTheObjects) {
  auto runtime = RuntimeFiles::find(*findTarget("host"));
  ASSERT_TRUE(static_cast<bool>(runtime)) << llvm::toString(runtime.takeError());
  auto library = staticLibrary({{"model.o", "driver"}, {"kernel.o", "kernel"}}, {runtime->library});
  ASSERT_TRUE(static_cast<bool>(library)) << llvm::toString(library.takeError());
  std::vector<std::string> names = namesIn(*library);
  ASSERT_GT(names.size(), 2u);
  EXPECT_EQ(names[0], "model.o");
  EXPECT_EQ(names[1], "kernel.o");
  EXPECT_EQ(*library, *staticLibrary({{"model.o", "driver"}, {"kernel.o", "kernel"}}, {runtime->library}));
}

TEST(StaticLibrary, SaysWhichRuntimeIsMissing) {
  auto runtime = RuntimeFiles::find(*findTarget("generic-aarch64"), "/nowhere");
  ASSERT_FALSE(static_cast<bool>(runtime));
  EXPECT_EQ(llvm::toString(runtime.takeError()),
            "the runtime for target 'generic-aarch64' is missing: no file '/nowhere/libgemmac_runtime.a'");
}

TEST(Program, SaysWhatToInstallWhereNothingLinks) {
  const char *before = std::getenv("PATH");
  std::string path = before ? before : "";
  setenv("PATH", "/nowhere", 1);
  auto program = linkProgram({}, {"runtime.a", "program.a"}, *findTarget("generic-aarch64"));
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(static_cast<bool>(program));
  std::string message = llvm::toString(program.takeError());
  EXPECT_NE(message.find("no C compiler to link a program for target 'generic-aarch64'"), std::string::npos)
      << message;
  EXPECT_NE(message.find("--emit=lib"), std::string::npos) << message;
}

TEST(Program, PassesOnWhatTheLinkerSays) {
  auto runtime = RuntimeFiles::find(*findTarget("host"));
  ASSERT_TRUE(static_cast<bool>(runtime));
  auto program = linkProgram({{"broken.o", "no object"}}, *runtime, *findTarget("host"));
  ASSERT_FALSE(static_cast<bool>(program));
  EXPECT_NE(llvm::toString(program.takeError()).find("could not link the program"), std::string::npos);
}

} // namespace
