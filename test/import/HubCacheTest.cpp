//===- HubCacheTest.cpp - models in the cache of Hugging Face -------------------------------------------===//

#include "compiler/import/HubCache.h"
#include "Folder.h"
#include "compiler/import/Checkpoint.h"

namespace gemmac {
namespace {

namespace fs = std::filesystem;

constexpr const char *kVariables[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME",
                                      "HOME"};

/// A cache in a folder of its own; the environment is as before when the test ends.
class HubCache : public testing::Test {
protected:
  void SetUp() override {
    for (const char *name : kVariables) {
      const char *value = std::getenv(name);
      saved.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
      unsetenv(name);
    }
    setenv("HF_HUB_CACHE", folder.string().c_str(), 1);
  }
  void TearDown() override {
    for (const auto &[name, value] : saved)
      value ? setenv(name, value->c_str(), 1) : unsetenv(name);
  }

  /// The folder of a snapshot's files; `main` is that revision.
  std::string addRepository(const std::string &name, const std::string &revision = "abc123") {
    fs::create_directories(folder.string() + "/" + name + "/refs");
    std::string snapshot = folder.string() + "/" + name + "/snapshots/" + revision;
    fs::create_directories(snapshot);
    folder.write(name + "/refs/main", revision + "\n");
    return snapshot;
  }
  std::string located(const std::string &model) {
    llvm::Expected<std::string> path = locateModel(model);
    return path ? *path : llvm::toString(path.takeError());
  }

  Folder folder;
  std::vector<std::pair<const char *, std::optional<std::string>>> saved;
};

TEST_F(HubCache, FindsAModelByItsName) {
  std::string snapshot = addRepository("models--google--gemma-4-E2B-it");
  std::ofstream(snapshot + "/config.json") << "{}";
  EXPECT_EQ(located("google/gemma-4-E2B-it"), snapshot);
  EXPECT_EQ(located(folder.string() + "/models--google--gemma-4-E2B-it"), snapshot);
  EXPECT_EQ(identifierOf(snapshot), "gemma_4_e2b_it");
  EXPECT_EQ(identifierOf(snapshot + "/"), "gemma_4_e2b_it");
}

TEST_F(HubCache, WhatIsThereIsMeantFirst) {
  EXPECT_EQ(located(folder.string()), folder.string());
  folder.write("model.gguf", "");
  EXPECT_EQ(located(folder.string() + "/model.gguf"), folder.string() + "/model.gguf");
}

TEST_F(HubCache, TakesTheOnlyGgufModel) {
  std::string snapshot = addRepository("models--maker--gemma-GGUF");
  for (const char *file :
       {"/a-00001-of-00002.gguf", "/a-00002-of-00002.gguf", "/mmproj-a.gguf", "/README.md"})
    std::ofstream(snapshot + file) << "x";
  EXPECT_EQ(located("maker/gemma-GGUF"), snapshot + "/a-00001-of-00002.gguf");
  std::ofstream(snapshot + "/b.gguf") << "x";
  EXPECT_SAYS(located("maker/gemma-GGUF"),
              "'maker/gemma-GGUF/a-00001-of-00002.gguf': a-00001-of-00002.gguf, b.gguf");
  EXPECT_EQ(located("maker/gemma-GGUF/b.gguf"), snapshot + "/b.gguf");
  EXPECT_SAYS(located("maker/gemma-GGUF/c.gguf"), "`hf download maker/gemma-GGUF c.gguf`");
  EXPECT_EQ(identifierOf(snapshot + "/b.gguf"), "b");
}

TEST_F(HubCache, SaysWhatIsNotThere) {
  EXPECT_SAYS(located("google/gemma-4-E2B-it"), "in the cache of Hugging Face ('" + folder.string() + "')");
  EXPECT_SAYS(located("google/gemma-4-E2B-it"), "`hf download google/gemma-4-E2B-it`");
  for (const char *model : {"gemma", "../gemma", "a/../b", "a//b", "/nowhere/gemma", "a/b c", ""})
    EXPECT_EQ(located(model), "there is no checkpoint or compiled model '" + std::string(model) + "'");
}

TEST_F(HubCache, SaysThatADownloadIsNotComplete) {
  std::string snapshot = addRepository("models--google--gemma");
  fs::remove_all(snapshot);
  EXPECT_SAYS(located("google/gemma"), "names the revision abc123, but");
  fs::remove(folder.string() + "/models--google--gemma/refs/main");
  EXPECT_SAYS(located("google/gemma"), "holds no revision 'main'");
}

TEST_F(HubCache, ARevisionLeadsNowhereElse) {
  addRepository("models--google--gemma");
  for (const std::string &revision :
       {std::string("../../elsewhere"), std::string(".."), std::string(), std::string("a\0b", 3)}) {
    folder.write("models--google--gemma/refs/main", revision);
    EXPECT_SAYS(located("google/gemma"), "names no revision");
  }
  folder.write("models--google--gemma/refs/main", std::string(100000, 'a'));
  EXPECT_SAYS(located("google/gemma"), "refs/main");
}

TEST_F(HubCache, StandsWhereHuggingFacesToolsLookForIt) {
  unsetenv("HF_HUB_CACHE");
  EXPECT_EQ(hubCacheDirectory(), "");
  EXPECT_SAYS(located("google/gemma"), "neither HF_HOME nor HOME is set");
  setenv("HOME", "/home/jane", 1);
  EXPECT_EQ(hubCacheDirectory(), "/home/jane/.cache/huggingface/hub");
  setenv("XDG_CACHE_HOME", "/caches", 1);
  EXPECT_EQ(hubCacheDirectory(), "/caches/huggingface/hub");
  setenv("HF_HOME", "~/hf", 1);
  EXPECT_EQ(hubCacheDirectory(), "/home/jane/hf/hub");
  setenv("HF_HUB_CACHE", "/hub", 1);
  EXPECT_EQ(hubCacheDirectory(), "/hub");
}

} // namespace
} // namespace gemmac
