//===- StandIns.cpp - which schemes of weights are tried closely ----------------------------------------===//

#include "StandIns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace gemmac::test {

static constexpr StandIn kStandIns[] = {
    {Scheme::f32, "numbers that are no integers; bf16 differs in how one is loaded"},
    {Scheme::q8_0, "8 bits with their sign, in one plane"},
    {Scheme::q4_0, "4 bits in one plane, less a bias; one step a block"},
    {Scheme::q5_1, "a second plane with 1 bit; a minimum for each block"},
    {Scheme::q2_k, "2 bits; factors and minimums of groups of 16"},
    {Scheme::q6_k, "a second plane with 2 bits; factors of groups of 16"},
    {Scheme::iq4_xs, "a table of values; factors of groups of 32"},
};

std::span<const StandIn> standIns() {
  return kStandIns;
}

bool isStandIn(const std::string &scheme) {
  return std::ranges::find(kStandIns, *findScheme(scheme), &StandIn::scheme) != std::end(kStandIns);
}

std::vector<Schedule> schedulesOf(const std::string &family,
                                  const std::map<std::string, KernelConstant> &constants) {
  std::vector<Schedule> schedules = schedulesFor(family, constants);
  if (!isStandIn(std::get<std::string>(constants.at("scheme")))) {
    std::set<std::pair<int64_t, int64_t>> seen;
    std::erase_if(schedules, [&](const Schedule &schedule) {
      return !seen.emplace(schedule.unpack, schedule.matrixTiles).second;
    });
  } else if (!schedules.empty() && schedules[0].tokenGroups > 1) {
    // A second block of tokens, and a third that is not full.
    schedules.push_back(schedules[0]), schedules.back().tokenGroups = 2;
  }
  return schedules;
}

/// What kernels read of a scheme, but for the element of floats and the numbers in a table.
static std::vector<int> propertiesOf(const SchemeRow &scheme) {
  return {scheme.quantized(),       scheme.bits,         scheme.highBits,
          scheme.values != nullptr, scheme.bias != 0,    int(scheme.group),
          scheme.hasMinimum,        scheme.hasFactors(), scheme.hasFactors() && scheme.hasMinimum,
          int(scheme.factorsOf32())};
}

TEST(StandIns, HaveEveryPropertyThatAKernelReads) {
  for (const SchemeRow &scheme : allSchemes()) {
    std::vector<int> wanted = propertiesOf(scheme);
    for (size_t i = 0; scheme.weights && i < wanted.size(); ++i)
      EXPECT_TRUE(std::ranges::any_of(
          standIns(), [&](const StandIn &one) { return propertiesOf(rowOf(one.scheme))[i] == wanted[i]; }))
          << scheme.name << " has a property, " << i << ", that no stand-in has";
  }
}

} // namespace gemmac::test
