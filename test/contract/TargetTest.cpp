//===- TargetTest.cpp - what a target's text says ------------------------------------------------------===//

#include "contract/Target.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

using namespace gemmac;

namespace {

TEST(TextOfTarget, ChangesWithEverythingButTheName) {
  const std::function<void(Target &)> changes[] = {
      [](Target &t) {},
      [](Target &t) { t.triple = "aarch64-unknown-linux-gnu"; },
      [](Target &t) { t.cpu = "znver4"; },
      [](Target &t) { t.features = "+neon"; },
      [](Target &t) { t.halide = "arm-64-linux"; },
      [](Target &t) { t.requires_ = {"avx2"}; },
      [](Target &t) { t.requires_ = {"avx2", "fma"}; },
      [](Target &t) { t.board = true; },
      [](Target &t) { t.cores = 3; },
      [](Target &t) { t.l1 = 1 << 20; },
      [](Target &t) { t.l2 = 1 << 20; },
      [](Target &t) { t.scheme = Scheme::q8_0; },
      [](Target &t) { t.vectorBytes = 64; },
      [](Target &t) { t.vectorRegisters = 32; },
      [](Target &t) { t.dotProduct8 = true; },
      [](Target &t) { t.mixedSigns8 = true; },
      [](Target &t) { t.pairProducts16 = true; },
      [](Target &t) { t.matrixTiles8 = true; },
  };
  std::set<std::string> texts;
  for (const auto &change : changes) {
    Target target;
    change(target);
    EXPECT_TRUE(texts.insert(textOf(target)).second) << textOf(target);
  }
  Target renamed;
  renamed.name = "toaster";
  renamed.description = "has two slots";
  EXPECT_EQ(textOf(renamed), textOf(Target()));
}

} // namespace
