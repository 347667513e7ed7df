//===- Schedule.h - tile sizes and other choices that decide a kernel's speed ---------------------------===//
//
// Family and constants decide what a kernel computes, the schedule decides how fast. Every schedule of a
// specification gives the same numbers, bit for bit.
//
// Some sizes cannot be chosen: the weight layout fixes the rows per tile (kTileRows), the cache layout
// fixes the positions per group and per span (kGroup, kSpan), and the target fixes vectors and
// instructions.
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

/// A number is 0 if the family does not have it or if it is not chosen yet.
struct Schedule {
  // Matrices: the accumulators of a group of results, rowTiles by tokens, stay in registers.
  int64_t rowTiles = 0;
  int64_t tokens = 0;      ///< in cached_attention: tokens that share one pass over the keys
  int64_t tokenGroups = 0; ///< groups multiplied with all rows before the next ones: blocking for L2
  int64_t unpack = 0;      ///< 1: each row tile is unpacked once, then multiplied with all tokens
  int64_t matrixTiles = 0; ///< 1: use the target's matrix tile instructions

  // Attention: rows (a token and a head each) by keyGroups groups of positions stay in registers.
  int64_t rows = 0;
  int64_t keyGroups = 0;

  /// Threads split a call at multiples of the grain: rows of a matrix, tokens, or whatever axis the call has.
  int64_t grain = 0;

  bool operator==(const Schedule &) const = default;
};

struct ScheduleNumber {
  std::string_view name; ///< in IR and messages: "row_tiles"
  int64_t Schedule::*value;
  int64_t most; ///< its range is 1 … most if the family has it
  bool powerOfTwo = false;
};

/// All of them, in the order of the struct.
std::span<const ScheduleNumber> scheduleNumbers();

/// Null if no number has this name.
const ScheduleNumber *findScheduleNumber(std::string_view name);

/// "row_tiles, tokens, …": for error messages.
std::string namesOfScheduleNumbers();

/// The numbers that are not 0: "{row_tiles = 1, tokens = 4}".
std::string textOf(const Schedule &schedule);

/// The schedules that families of one kind may have.
struct ScheduleRules {
  /// Numbers that these families have; only flags may be 0 in a complete schedule.
  std::span<int64_t Schedule::*const> numbers;
  Schedule (*byDefault)(const KernelSpec &, const Target &);
  /// Alternatives worth measuring: they fit the target's registers. Null: there are none.
  std::vector<Schedule> (*others)(const KernelSpec &, const Target &) = nullptr;
  /// Why a complete schedule with all numbers in range is invalid, or empty; null: it is always valid.
  std::string (*problem)(const KernelSpec &, const Target &) = nullptr;
};

/// Rules, in this order, for matrix products, products with the gathered matrices of one token's experts,
/// attention to a prompt, attention to one token, kernels split by tokens, kernels split into single
/// elements, and kernels that are not split.
extern const ScheduleRules kMatrixSchedule, kExpertSchedule, kPromptSchedule, kSpanSchedule, kTokenSchedule,
    kSingleSchedule, kWholeSchedule;

/// The schedule that a target gets where nothing was measured.
Schedule defaultSchedule(const KernelSpec &spec, const Target &target);

/// The default first, then alternatives worth measuring. All are valid.
std::vector<Schedule> candidateSchedules(const KernelSpec &spec, const Target &target);

/// The problem with a schedule on any target: a number that the family does not have or that is out of its
/// range. Empty if there is no problem.
std::string problemWithSchedule(const KernelSpec &spec);

/// The problem with a schedule on this target: one of the above, a number that is missing, or a choice that
/// the target or the specification does not allow.
std::string problemWithSchedule(const KernelSpec &spec, const Target &target);

} // namespace gemmac

#endif
