// What a model takes is planned for the machine that runs it, not for the one that compiles it.

#include "compiler/package/PlannedMemory.h"

#include "runtime/include/gemmac/gemmac.h"

#include "gtest/gtest.h"

namespace gemmac {
namespace {

ModelFacts factsFor(const std::string &triple) {
  ModelFacts facts;
  facts.target.triple = triple;
  facts.context = 100;
  facts.maxTokens = 10;
  facts.vocabSize = 1000;
  facts.arenaBytes = 1 << 20;
  facts.cacheBytes = 4096;
  return facts;
}

TEST(PlannedMemory, HandlesHaveTheTargetsPointers) {
  PlannedMemory wide = plannedMemory(factsFor("x86_64-unknown-linux-gnu"), 16);
  EXPECT_EQ(wide.engine, gemmac_engine_bytes()) << "this machine's runtime says so itself";
  for (const char *triple :
       {"thumbv8m.main-none-eabi", "armv7-unknown-linux-gnueabihf", "riscv32-unknown-elf"}) {
    PlannedMemory narrow = plannedMemory(factsFor(triple), 16);
    EXPECT_EQ(narrow.engine, handleBytes(4).engine) << triple;
    EXPECT_EQ(narrow.session.handle, handleBytes(4).session) << triple;
    EXPECT_LT(narrow.most(), wide.most()) << triple;
    EXPECT_EQ(narrow.session.cache, wide.session.cache) << "arrays are the same everywhere";
    EXPECT_EQ(narrow.worker.arena, wide.worker.arena);
  }
}

TEST(PlannedMemory, IsAllThatASessionAndItsWorkerTake) {
  PlannedMemory memory = plannedMemory(factsFor("x86_64-unknown-linux-gnu"), 16);
  EXPECT_EQ(memory.most(), memory.program + memory.engine + memory.session.total() + memory.worker.total());
  memory.generationArena = 4096;
  EXPECT_EQ(memory.generation(), memory.most() - memory.worker.arena + 4096);
}

} // namespace
} // namespace gemmac
