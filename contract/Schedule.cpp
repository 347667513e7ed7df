//===- Schedule.cpp - tile sizes and other choices that decide a kernel's speed -------------------------===//

#include "contract/Schedule.h"
#include "contract/KernelFamily.h"

#include <algorithm>
#include <bit>
#include <iterator>

namespace gemmac {

static constexpr ScheduleNumber kNumbers[] = {
    {"row_tiles", &Schedule::rowTiles, 16},
    {"tokens", &Schedule::tokens, 1 << 10},
    {"token_groups", &Schedule::tokenGroups, 1 << 20},
    {"unpack", &Schedule::unpack, 1},
    {"matrix_tiles", &Schedule::matrixTiles, 1},
    {"rows", &Schedule::rows, 64},
    {"key_groups", &Schedule::keyGroups, 16, /*powerOfTwo=*/true},
    {"grain", &Schedule::grain, 1 << 20},
};
static_assert(sizeof(Schedule) == std::size(kNumbers) * sizeof(int64_t), "every number has its row");

std::span<const ScheduleNumber> scheduleNumbers() {
  return kNumbers;
}

const ScheduleNumber *findScheduleNumber(std::string_view name) {
  const ScheduleNumber *found = std::ranges::find(kNumbers, name, &ScheduleNumber::name);
  return found == std::end(kNumbers) ? nullptr : found;
}

std::string namesOfScheduleNumbers() {
  std::string names;
  for (const ScheduleNumber &number : kNumbers)
    names += (names.empty() ? "" : ", ") + std::string(number.name);
  return names;
}

std::string textOf(const Schedule &schedule) {
  std::string text;
  for (const ScheduleNumber &number : kNumbers)
    if (int64_t value = schedule.*number.value)
      text += (text.empty() ? "" : ", ") + std::string(number.name) + " = " + std::to_string(value);
  return "{" + text + "}";
}

static const ScheduleRules &rulesOf(const KernelSpec &spec) {
  return *familyOf(spec).schedule;
}

static KernelSpec withSchedule(KernelSpec spec, const Schedule &schedule) {
  spec.schedule = schedule;
  return spec;
}

Schedule defaultSchedule(const KernelSpec &spec, const Target &target) {
  return rulesOf(spec).byDefault(spec, target);
}

std::vector<Schedule> candidateSchedules(const KernelSpec &spec, const Target &target) {
  std::vector<Schedule> candidates = {defaultSchedule(spec, target)};
  if (!rulesOf(spec).others)
    return candidates;
  for (const Schedule &other : rulesOf(spec).others(spec, target))
    if (problemWithSchedule(withSchedule(spec, other), target).empty() &&
        std::ranges::find(candidates, other) == candidates.end())
      candidates.push_back(other);
  return candidates;
}

std::string problemWithSchedule(const KernelSpec &spec) {
  const KernelFamily *family = findFamily(spec.family);
  for (const ScheduleNumber &number : kNumbers) {
    int64_t value = spec.schedule.*number.value;
    if (value == 0)
      continue;
    std::string is = std::string(number.name) + " = " + std::to_string(value);
    if (value < 0 || value > number.most)
      return is + " is not within 0 … " + std::to_string(number.most);
    if (number.powerOfTwo && !std::has_single_bit(uint64_t(value)))
      return is + " is no power of two";
    if (family &&
        std::ranges::find(family->schedule->numbers, number.value) == family->schedule->numbers.end())
      return spec.family + " has no " + std::string(number.name) + " to choose";
  }
  return "";
}

std::string problemWithSchedule(const KernelSpec &spec, const Target &target) {
  std::string problem = problemWithSchedule(spec);
  if (!problem.empty())
    return problem;
  const ScheduleRules &rules = rulesOf(spec);
  for (const ScheduleNumber &number : kNumbers)
    if (std::ranges::find(rules.numbers, number.value) != rules.numbers.end() && number.most > 1 &&
        spec.schedule.*number.value == 0)
      return "the schedule does not say " + std::string(number.name);
  return rules.problem ? rules.problem(spec, target) : "";
}

/// Tokens of a prompt that a thread processes at a time.
static constexpr int64_t kTokenGrain = 8;

static constexpr int64_t Schedule::*kGrain[] = {&Schedule::grain};

constinit const ScheduleRules kTokenSchedule = {
    .numbers = kGrain,
    .byDefault = [](const KernelSpec &, const Target &) { return Schedule{.grain = kTokenGrain}; }};

constinit const ScheduleRules kSingleSchedule = {
    .numbers = kGrain, .byDefault = [](const KernelSpec &, const Target &) { return Schedule{.grain = 1}; }};

constinit const ScheduleRules kWholeSchedule = {
    .numbers = {}, .byDefault = [](const KernelSpec &, const Target &) { return Schedule(); }};

} // namespace gemmac
