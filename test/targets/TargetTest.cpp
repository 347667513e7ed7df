//===- TargetTest.cpp - rows of devices are complete and found by name ----------------------------------===//

#include "targets/Devices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace gemmac;

namespace {

TEST(Targets, EveryRowIsFoundByItsName) {
  std::set<std::string> names;
  for (const Target &row : allTargets()) {
    EXPECT_EQ(findTarget(row.name), &row);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.description.empty() || row.halide.empty() || row.cpu.empty() || row.triple.empty());
    EXPECT_NE(targetNames().find(row.name), std::string::npos);
  }
  EXPECT_EQ(findTarget("pdp-11"), nullptr);
}

TEST(Targets, HostIsARowWithThisMachinesThreads) {
  const Target *host = findTarget("host");
  if (!host)
    GTEST_SKIP() << "no row for this machine";
  ASSERT_NE(findTarget(host->name), nullptr);
  EXPECT_EQ(findTarget(host->name)->halide, host->halide);
  // Rows have the cores of a usual machine of their kind, host those of this one.
  EXPECT_EQ(unsigned(host->cores), std::max(1u, std::thread::hardware_concurrency()));
}

} // namespace
