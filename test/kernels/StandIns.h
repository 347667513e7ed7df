//===- StandIns.h - which schemes of weights are tried closely ------------------------------------------===//
//
// Kernels name no scheme, they read its row: how many bits a number has, in how many planes, with which
// factors and minimums. So a few schemes that have all of that between them stand for the others where
// compiling is most of a test's time: with every schedule, and on machines other than this one with every
// size. The others are tried there with one size, and with one schedule for each way to multiply.

#ifndef GEMMAC_TEST_KERNELS_STANDINS_H
#define GEMMAC_TEST_KERNELS_STANDINS_H

#include "CallKernel.h"

#include <span>
#include <string>
#include <vector>

namespace gemmac::test {

struct StandIn {
  Scheme scheme;
  std::string_view shows;
};

std::span<const StandIn> standIns();
bool isStandIn(const std::string &scheme);

/// What kernels of a scheme are tried with: all cases, or the first.
template <typename T, size_t N>
std::span<const T> casesOf(const std::string &scheme, const T (&cases)[N]) {
  std::span<const T> all(cases);
  return kernelsAreOfThisMachine() || isStandIn(scheme) ? all : all.first(1);
}

/// The schedules that a linear kernel is tried with, the default first.
std::vector<Schedule> schedulesOf(const std::string &family,
                                  const std::map<std::string, KernelConstant> &constants);

} // namespace gemmac::test

#endif
