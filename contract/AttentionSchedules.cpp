//===- AttentionSchedules.cpp - schedules of attention --------------------------------------------------===//

#include "contract/CacheLayout.h"
#include "contract/KernelFamily.h"
#include "contract/Schedule.h"

#include <algorithm>
#include <numeric>

namespace gemmac {
namespace {

/// Rows whose accumulators are in registers together: with 16 positions each, six rows leave AVX2 registers
/// for their operands.
constexpr int64_t kRows = 6;
/// Rows that share one pass over the keys: about as many as keep their sums in the L2 cache.
constexpr int64_t kRowsOfPrompt = 24;

/// The number of query heads that share a kv head.
int64_t groupOf(const KernelSpec &spec) {
  return spec.integer("heads") / spec.integer("kv_heads");
}

/// Vector registers that hold one row's float32 or int32 accumulators of a group of positions.
int64_t registersOfGroup(const Target &target) {
  return std::max<int64_t>(1, kGroup * 4 / target.vectorBytes);
}

/// Do the accumulators fit, with the keys of these groups and one register for a query?
bool fitsRegisters(int64_t rows, int64_t keyGroups, const Target &target) {
  return (rows + 1) * keyGroups * registersOfGroup(target) + 1 <= target.vectorRegisters;
}

/// Groups that give `rows` rows at least 8 independent accumulators, which hide the latency of a
/// multiply-add.
int64_t keyGroupsFor(int64_t rows, const Target &target) {
  int64_t groups = 1;
  while (groups * rows * registersOfGroup(target) < 8)
    groups *= 2;
  return groups;
}

/// The number of tokens, for about `rowsOfPrompt` rows, whose rows are whole groups of `rows`.
int64_t tokensFor(int64_t rows, int64_t group, int64_t rowsOfPrompt) {
  int64_t fewest = rows / std::gcd(rows, group);
  return fewest * std::max<int64_t>(1, rowsOfPrompt / (fewest * group));
}

Schedule promptOf(const KernelSpec &spec, int64_t rows, int64_t keyGroups, int64_t rowsOfPrompt) {
  int64_t tokens = tokensFor(rows, groupOf(spec), rowsOfPrompt);
  return {.tokens = tokens, .rows = rows, .keyGroups = keyGroups, .grain = tokens};
}

Schedule promptDefault(const KernelSpec &spec, const Target &target) {
  return promptOf(spec, kRows, keyGroupsFor(kRows, target), kRowsOfPrompt);
}

std::vector<Schedule> otherPromptSchedules(const KernelSpec &spec, const Target &target) {
  std::vector<Schedule> others;
  int64_t keyGroups = keyGroupsFor(kRows, target);
  for (int64_t rowsOfPrompt : {kRowsOfPrompt / 2, kRowsOfPrompt * 2})
    others.push_back(promptOf(spec, kRows, keyGroups, rowsOfPrompt));
  for (int64_t rows : {3, 4, 8, 12})
    for (int64_t groups : {1, 2, 4})
      if (fitsRegisters(rows, groups, target))
        others.push_back(promptOf(spec, rows, groups, kRowsOfPrompt));
  return others;
}

std::string promptProblem(const KernelSpec &spec, const Target &) {
  if (spec.schedule.tokens * groupOf(spec) % spec.schedule.rows)
    return std::to_string(spec.schedule.tokens) + " tokens of " + std::to_string(groupOf(spec)) +
           " heads are no whole groups of " + std::to_string(spec.schedule.rows) + " rows";
  return "";
}

Schedule spanOf(int64_t rows, int64_t keyGroups) {
  return {.rows = rows, .keyGroups = keyGroups, .grain = 1};
}

Schedule spanDefault(const KernelSpec &spec, const Target &target) {
  int64_t rows = kRows;
  while (groupOf(spec) % rows)
    --rows;
  return spanOf(rows, keyGroupsFor(rows, target));
}

std::vector<Schedule> otherSpanSchedules(const KernelSpec &spec, const Target &target) {
  std::vector<Schedule> others;
  for (int64_t rows = 1; rows <= 2 * kRows; ++rows)
    for (int64_t groups : {1, 2, 4})
      if (groupOf(spec) % rows == 0 && fitsRegisters(rows, groups, target))
        others.push_back(spanOf(rows, groups));
  return others;
}

std::string spanProblem(const KernelSpec &spec, const Target &) {
  if (groupOf(spec) % spec.schedule.rows)
    return std::to_string(spec.schedule.rows) + " rows do not divide the " + std::to_string(groupOf(spec)) +
           " heads of a kv head";
  return "";
}

constexpr int64_t Schedule::*kPromptNumbers[] = {&Schedule::tokens, &Schedule::rows, &Schedule::keyGroups,
                                                 &Schedule::grain};
constexpr int64_t Schedule::*kSpanNumbers[] = {&Schedule::rows, &Schedule::keyGroups, &Schedule::grain};

} // namespace

constinit const ScheduleRules kPromptSchedule = {.numbers = kPromptNumbers,
                                                 .byDefault = promptDefault,
                                                 .others = otherPromptSchedules,
                                                 .problem = promptProblem};

constinit const ScheduleRules kSpanSchedule = {
    .numbers = kSpanNumbers, .byDefault = spanDefault, .others = otherSpanSchedules, .problem = spanProblem};

} // namespace gemmac
