//===- Schedule.h - how a kernel goes about its work ----------------------------------------------------===//
//
// What a kernel computes is its family and constants; what is here decides how fast. Every schedule of a
// specification gives the same numbers, bit for bit.
//
// What is not here is no choice: the rows of a tile belong to the layout of weights (kTileRows), positions of
// a group and of a span to that of caches (kGroup, kSpan), vectors and instructions to the target.
//
// Thread safety: all of it is constant.

#ifndef GEMMAC_CONTRACT_SCHEDULE_H
#define GEMMAC_CONTRACT_SCHEDULE_H

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

struct KernelSpec;
struct Target;

/// A number that is 0 is not the family's to choose, or not chosen yet.
struct Schedule {
  // Matrices: a group of results, some row tiles by some tokens, stays in registers.
  int64_t rowTiles = 0;
  int64_t tokens = 0;      ///< in cached_attention: those that go over the keys together
  int64_t tokenGroups = 0; ///< groups that meet all rows before the next tokens do: they stay in a cache
  int64_t unpack = 0;      ///< 1: numbers of a row tile are unpacked once, before all tokens meet them
  int64_t matrixTiles = 0; ///< 1: the target's instructions for matrix tiles

  // Attention: rows, a token and a head each, stay in registers beside groups of positions.
  int64_t rows = 0;
  int64_t keyGroups = 0;

  /// Threads share a call in parts of whole grains: rows of a matrix, tokens, or what else they share.
  int64_t grain = 0;

  bool operator==(const Schedule &) const = default;
};

struct ScheduleNumber {
  std::string_view name; ///< in IR and messages: "row_tiles"
  int64_t Schedule::*value;
  int64_t most; ///< it is 1 … most where the family has it
  bool powerOfTwo = false;
};

/// All of them, in the order of the struct.
std::span<const ScheduleNumber> scheduleNumbers();

/// Null where no number has the name.
const ScheduleNumber *findScheduleNumber(std::string_view name);

/// "row_tiles, tokens, …": for error messages.
std::string namesOfScheduleNumbers();

/// Those that are there: "{row_tiles = 1, tokens = 4}".
std::string textOf(const Schedule &schedule);

/// What families of one kind may choose.
struct ScheduleRules {
  /// Numbers that the families have, 0 or not.
  std::span<int64_t Schedule::*const> numbers;
  Schedule (*byDefault)(const KernelSpec &, const Target &);
  /// Others that are worth a try: they fit the target's registers. Null: there are none.
  std::vector<Schedule> (*others)(const KernelSpec &, const Target &) = nullptr;
  /// What makes a complete schedule with numbers in their ranges impossible; null: nothing does.
  std::string (*problem)(const KernelSpec &, const Target &) = nullptr;
};

/// Of kernels that multiply rows with matrices, that gather the matrices of experts for one token, of
/// attention to a prompt and to one token, of what is shared by tokens, of what is one piece or shared in
/// single ones.
extern const ScheduleRules kMatrixSchedule, kExpertSchedule, kPromptSchedule, kSpanSchedule, kTokenSchedule,
    kSingleSchedule, kWholeSchedule;

/// What the target gets if nobody has measured.
Schedule defaultSchedule(const KernelSpec &spec, const Target &target);

/// The default, then others that are worth a try. All are possible.
std::vector<Schedule> candidateSchedules(const KernelSpec &spec, const Target &target);

/// What is wrong with a schedule whatever the target: a number that the family does not have, or one out of
/// its range. Empty if nothing is.
std::string problemWithSchedule(const KernelSpec &spec);

/// What is wrong with the schedule that a kernel is to be made with: besides, a number is missing, or the
/// target or the specification does not allow it.
std::string problemWithSchedule(const KernelSpec &spec, const Target &target);

} // namespace gemmac

#endif
