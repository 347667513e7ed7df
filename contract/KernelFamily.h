//===- KernelFamily.h - what kernels there are, what they take and what they leave ----------------------===//
//
// A family is a row of the table in KernelFamilies.cpp: all that a plan, a maker of kernels, a test and a
// page of the manual have to know of it. Arguments of a kernel stand in this order: input arrays, planes of
// weights and caches, outputs.
//
// Thread safety: the table is constant.

#ifndef GEMMAC_CONTRACT_KERNELFAMILY_H
#define GEMMAC_CONTRACT_KERNELFAMILY_H

#include "contract/KernelSpec.h"
#include "contract/Target.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

/// What a constant of a specification may be.
enum class ConstantKind : uint8_t {
  count,        ///< an integer, at least 1
  index,        ///< an integer, at least 0
  flag,         ///< 0 or 1
  number,       ///< a double
  weightScheme, ///< the name of a scheme of weights
  cacheScheme,  ///< the name of a scheme of keys and values
  layout        ///< the name of a layout that the family's weight accepts
};

/// As the manual and messages say it: "an integer of at least 1".
std::string_view wordsFor(ConstantKind kind);

struct FamilyConstant {
  std::string_view name;
  ConstantKind kind;
  std::string_view meaning = "";
  bool optional = false;
};

/// What an argument is to a kernel. A weight or a cache is one argument for each of its planes.
enum class PortRole : uint8_t {
  input,
  table,        ///< a weight whose rows are looked up
  matrix,       ///< a weight that rows are multiplied with
  vector,       ///< a weight of factors
  cache,        ///< keys and values that are read
  writtenCache, ///< keys and values that are stored: outputs
  output
};

inline bool isOutput(PortRole role) {
  return role == PortRole::writtenCache || role == PortRole::output;
}

/// Sizes are written as terms, slowest axis first: "n, heads, size", "heads*size/32", computed from the left.
/// A term names constants of the family and what is known at run time: `n` tokens, `p` rows of tokens and
/// their choices, `pieces`.
struct FamilyPort {
  std::string_view name;
  PortRole role;
  Element element; ///< of inputs and outputs; planes have their own
  /// Of an array, its axes. Of a weight "columns", "rows, columns" or "experts, rows, columns"; of a cache
  /// "slots, heads, dim": what WeightLayout.h and CacheLayout.h make planes of.
  std::string_view shape;
  /// Names of which all must hold for the port to be there: of a constant, that is given and not 0; with `!`,
  /// that is not. `quantized` holds with a quantized scheme too.
  std::string_view when = "";
  std::vector<Layout> layouts = {}; ///< that a weight may have; the constant `layout` says which of several
};

struct KernelFamily {
  std::string_view name;
  std::string_view formula; ///< what it computes, or does
  std::vector<FamilyConstant> constants;
  std::vector<FamilyPort> ports; ///< in the order of the arguments
  std::string_view note = "";    ///< what callers must know besides

  /// The input that the first output may be; empty: none.
  std::string_view inPlace = "";
  /// Threads may share a call along these first axes of its outputs; 0: not at all.
  int cutAxes = 0;
  /// Many rows of x meet each weight (but with `tokens` = 1).
  bool manyRows = false;
  /// What its schedules choose.
  const ScheduleRules *schedule = &kTokenSchedule;

  /// Traits that depend on the schedule or the machine (KernelTraits.h); null: none.
  int64_t (*stackBytes)(const KernelSpec &, const Target &) = nullptr;
  int64_t (*readBehind)(const KernelSpec &) = nullptr;

  /// Every variant once, with awkward sizes: constants as "heads=2 size=40 eps=1e-6", without schemes and
  /// layouts.
  std::vector<std::string_view> examples;

  const FamilyConstant *findConstant(std::string_view name) const;
};

/// All rows, by name.
const std::vector<KernelFamily> &kernelFamilies();

/// Null where no row has the name.
const KernelFamily *findFamily(std::string_view name);

/// The row of a specification, which has one.
const KernelFamily &familyOf(const KernelSpec &spec);

/// The names of all rows: "add, add_norm, …".
std::string namesOfFamilies();

/// What is wrong with the constants of a specification whose family there is: one is missing, unknown, of
/// another type or out of its range. Empty if nothing is.
std::string problemWithConstants(const KernelSpec &spec);

/// A size of an argument: a number, or a term that a call fills in.
struct AxisSize {
  std::string term;              ///< as in FamilyPort::shape
  std::optional<int64_t> number; ///< nothing: known at run time
};

struct KernelArgument {
  std::string name; ///< of its port; of one plane among several "w.0"
  const FamilyPort *port;
  Element element;
  std::vector<AxisSize> axes; ///< slowest first
};

/// The arguments of a specification without problems, in their order.
std::vector<KernelArgument> argumentsOf(const KernelSpec &spec);

/// The family's examples in every scheme and layout that it has.
std::vector<KernelSpec> examplesOf(const KernelFamily &family);

} // namespace gemmac

#endif
