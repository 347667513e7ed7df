//===- LinearSchedules.cpp - schedules of matrix products -----------------------------------------------===//

#include "contract/KernelFamily.h"
#include "contract/KernelTraits.h"
#include "contract/Schedule.h"

#include <algorithm>
#include <bit>

namespace gemmac {
namespace {

/// The grain for one token: threads split the rows of a matrix into whole groups of row tiles.
constexpr int64_t kOneTokenGrain = 4 * kTileRows;

bool hasOneToken(const KernelSpec &spec) {
  return spec.has("tokens") && spec.integer("tokens") == 1;
}

bool multipliesInt8(const KernelSpec &spec) {
  return isQuantized(spec.scheme());
}

/// Vector registers that hold one token's float32 or int32 accumulators of a row tile.
int64_t registersOfTile(const Target &target) {
  return kTileRows * 4 / target.vectorBytes;
}

/// Do the accumulators fit, with a row tile of weights and one register for a broadcast input?
bool fitsRegisters(int64_t rowTiles, int64_t tokens, const Target &target) {
  return (rowTiles * tokens + 1) * registersOfTile(target) + 1 <= target.vectorRegisters;
}

/// Do instructions take the numbers only after they are unpacked?
bool isPacked(const KernelSpec &spec) {
  return multipliesInt8(spec) && rowOf(spec.scheme()).numberBits() < 8;
}

/// Where one instruction multiplies as many numbers as another unpacks, unpacking anew for every few tokens
/// takes a sixth of the time with q4_0 and a third with q8_0. Numbers whose bits are in two planes, or that a
/// table gives, take several instructions anywhere.
bool unpackingPays(const KernelSpec &spec, const Target &target) {
  if (!multipliesInt8(spec))
    return false;
  const SchemeRow &scheme = rowOf(spec.scheme());
  return (target.mixedSigns8 && !target.dotProduct8) || scheme.highBits || scheme.values;
}

/// The number of token groups that fill half of the L2 cache, rounded down to a power of two, because prompts
/// are split at powers of two.
int64_t tokenGroupsFor(const KernelSpec &spec, int64_t tokens, const Target &target) {
  int64_t bytes = spec.integer("input") * (multipliesInt8(spec) ? 1 : 4) * tokens;
  return int64_t(std::bit_floor(uint64_t(std::max<int64_t>(target.l2 / 2 / bytes, 1))));
}

/// Enough row tiles to hide latencies, memory's included: each is a stream from memory, and prefetchers keep
/// more cache lines in flight for four streams than for two. Of numbers whose bits are in two planes, two row
/// tiles are as many streams: 90 to 100 % of the bandwidth instead of 70 to 85 (Zen 4).
int64_t rowTilesOfOneToken(const KernelSpec &spec, const Target &target) {
  if (!multipliesInt8(spec))
    return 4;
  return target.vectorBytes < 32 || rowOf(spec.scheme()).highBits ? 2 : 4;
}

Schedule oneToken(const KernelSpec &spec, int64_t rowTiles) {
  return {.rowTiles = rowTiles, .tokens = 1, .tokenGroups = 1, .grain = kOneTokenGrain};
}

/// A schedule for many tokens with a group of this size.
Schedule manyTokens(const KernelSpec &spec, const Target &target, int64_t rowTiles, int64_t tokens) {
  return {.rowTiles = rowTiles,
          .tokens = tokens,
          .tokenGroups = tokenGroupsFor(spec, tokens, target),
          .unpack = unpackingPays(spec, target),
          .grain = kTileRows};
}

/// As many accumulators as leave registers for their operands.
Schedule inRegisters(const KernelSpec &spec, const Target &target) {
  bool int8 = multipliesInt8(spec);
  if (target.vectorBytes == 64)
    return manyTokens(spec, target, int8 ? 1 : 2, 8);
  // A token's 16 accumulators take two of 16 registers, or four of 32; int8 products also need registers for
  // weights and for intermediate results.
  return manyTokens(spec, target, 1, target.vectorBytes == 32 && !int8 ? 6 : 4);
}

Schedule matrixDefault(const KernelSpec &spec, const Target &target) {
  if (hasOneToken(spec))
    return oneToken(spec, rowTilesOfOneToken(spec, target));
  if (!hasMatrixTiles(spec, target))
    return inRegisters(spec, target);
  Schedule tiles = manyTokens(spec, target, 1, kTileTokens);
  tiles.matrixTiles = 1;
  tiles.unpack = isPacked(spec);
  return tiles;
}

std::vector<Schedule> otherMatrixSchedules(const KernelSpec &spec, const Target &target) {
  std::vector<Schedule> others;
  Schedule chosen = matrixDefault(spec, target);
  auto add = [&](Schedule schedule) {
    if (schedule.matrixTiles || fitsRegisters(schedule.rowTiles, schedule.tokens, target))
      others.push_back(schedule);
  };
  if (hasOneToken(spec)) {
    for (int64_t rowTiles : {1, 2, 4, 8})
      add(oneToken(spec, rowTiles));
    return others;
  }
  for (int64_t groups : {chosen.tokenGroups / 2, chosen.tokenGroups * 2}) {
    Schedule other = chosen;
    other.tokenGroups = std::max<int64_t>(groups, 1);
    add(other);
  }
  Schedule plain = inRegisters(spec, target);
  add(plain);
  plain.unpack = !plain.unpack;
  add(plain);
  for (int64_t rowTiles : {1, 2, 4})
    for (int64_t tokens : {4, 6, 8, 12})
      add(manyTokens(spec, target, rowTiles, tokens));
  return others;
}

std::string matrixProblem(const KernelSpec &spec, const Target &target) {
  const Schedule &schedule = spec.schedule;
  if (hasOneToken(spec) &&
      (schedule.tokens != 1 || schedule.tokenGroups != 1 || schedule.unpack || schedule.matrixTiles))
    return "a kernel of one token has groups of one, one group, and nothing to unpack for others";
  if (schedule.matrixTiles) {
    if (!hasMatrixTiles(spec, target))
      return "matrix tiles are not to be had for this kernel and target";
    if (schedule.rowTiles != 1 || schedule.tokens != kTileTokens || bool(schedule.unpack) != isPacked(spec))
      return "a matrix tile has one row tile and " + std::to_string(kTileTokens) +
             " tokens, and its numbers are unpacked where they have less than 8 bits";
    return "";
  }
  if (schedule.unpack && !(isPacked(spec) || unpackingPays(spec, target)))
    return "there is nothing to unpack: instructions of this target take the numbers as they are";
  return "";
}

Schedule expertDefault(const KernelSpec &spec, const Target &target) {
  return {.rowTiles = rowTilesOfOneToken(spec, target), .grain = kOneTokenGrain};
}

std::vector<Schedule> otherExpertSchedules(const KernelSpec &spec, const Target &target) {
  std::vector<Schedule> others;
  for (int64_t rowTiles : {1, 2, 4, 8})
    if (fitsRegisters(rowTiles, 1, target))
      others.push_back({.rowTiles = rowTiles, .grain = kOneTokenGrain});
  return others;
}

constexpr int64_t Schedule::*kMatrixNumbers[] = {&Schedule::rowTiles,    &Schedule::tokens,
                                                 &Schedule::tokenGroups, &Schedule::unpack,
                                                 &Schedule::matrixTiles, &Schedule::grain};
constexpr int64_t Schedule::*kExpertNumbers[] = {&Schedule::rowTiles, &Schedule::grain};

} // namespace

constinit const ScheduleRules kMatrixSchedule = {.numbers = kMatrixNumbers,
                                                 .byDefault = matrixDefault,
                                                 .others = otherMatrixSchedules,
                                                 .problem = matrixProblem};

constinit const ScheduleRules kExpertSchedule = {
    .numbers = kExpertNumbers, .byDefault = expertDefault, .others = otherExpertSchedules};

} // namespace gemmac
