//===- KernelFamily.h - the kernel families, their constants and their arguments ------------------------===//
//
// A family is a row of the table in KernelFamilies.cpp: everything that a plan, a kernel maker, a test and a
// page of the manual know about it. A kernel's arguments come in this order: input arrays, planes of weights
// and caches, outputs.
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

/// Type and range of a constant in a kernel specification.
enum class ConstantKind : uint8_t {
  count,        ///< an integer, at least 1
  index,        ///< an integer, at least 0
  flag,         ///< 0 or 1
  number,       ///< a double
  weightScheme, ///< the name of a scheme of weights
  cacheScheme,  ///< the name of a scheme of keys and values
  layout        ///< the name of a layout that the family's weight accepts
};

/// The wording in the manual and in error messages: "an integer of at least 1".
std::string_view wordsFor(ConstantKind kind);

struct FamilyConstant {
  std::string_view name;
  ConstantKind kind;
  std::string_view meaning = "";
  bool optional = false;
};

/// The role of an argument. A weight or a cache is passed as one argument per plane.
enum class PortRole : uint8_t {
  input,
  table,        ///< a weight whose rows are gathered by index
  matrix,       ///< a weight matrix that input rows are multiplied with
  vector,       ///< a one-dimensional weight of factors
  cache,        ///< keys and values that are read
  writtenCache, ///< keys and values that are written: outputs
  output
};

inline bool isOutput(PortRole role) {
  return role == PortRole::writtenCache || role == PortRole::output;
}

/// Axis sizes are terms, slowest axis first: "n, heads, size", "heads*size/32", evaluated from left to right.
/// A term names constants of the family or sizes that are known at run time: `n` tokens, `p` rows (one for
/// each token and choice), `pieces`.
struct FamilyPort {
  std::string_view name;
  PortRole role;
  Element element; ///< for inputs and outputs; planes have their own
  /// The axes of an array. For a weight "columns", "rows, columns" or "experts, rows, columns", for a cache
  /// "slots, heads, dim"; WeightLayout.h and CacheLayout.h derive the planes from these.
  std::string_view shape;
  /// The port exists if all of these names hold. A constant holds if it is given and not 0, `!name` if `name`
  /// does not hold. `quantized` also holds if the scheme is quantized.
  std::string_view when = "";
  std::vector<Layout> layouts = {}; ///< accepted for a weight; the constant `layout` selects one of several
};

struct KernelFamily {
  std::string_view name;
  std::string_view formula; ///< what it computes or does
  std::vector<FamilyConstant> constants;
  std::vector<FamilyPort> ports; ///< in the order of the arguments
  std::string_view note = "";    ///< what else callers must know

  /// The input whose buffer the first output may reuse; empty: none.
  std::string_view inPlace = "";
  /// The number of leading output axes along which threads may split a call; 0: they may not.
  int cutAxes = 0;
  /// Each weight is multiplied with many rows of x (except if `tokens` = 1).
  bool manyRows = false;
  /// The schedule numbers that the family has, with their defaults and limits.
  const ScheduleRules *schedule = &kTokenSchedule;

  /// Traits that depend on the schedule or the machine (KernelTraits.h), in bytes; null: 0.
  int64_t (*stackBytes)(const KernelSpec &, const Target &) = nullptr;
  int64_t (*readBehind)(const KernelSpec &) = nullptr;

  /// Every variant once, with awkward sizes: constants as "heads=2 size=40 eps=1e-6", without schemes and
  /// layouts.
  std::vector<std::string_view> examples;

  const FamilyConstant *findConstant(std::string_view name) const;
};

/// All rows, sorted by name.
const std::vector<KernelFamily> &kernelFamilies();

/// Null if no row has this name.
const KernelFamily *findFamily(std::string_view name);

/// The row of a specification's family, which must exist.
const KernelFamily &familyOf(const KernelSpec &spec);

/// The names of all rows: "add, add_norm, …".
std::string namesOfFamilies();

/// The problem with the constants of a specification whose family exists: a constant is missing, unknown, of
/// the wrong type or out of range. Empty if there is no problem.
std::string problemWithConstants(const KernelSpec &spec);

/// The size of one axis: a number, or a term whose value is known only in a call.
struct AxisSize {
  std::string term;              ///< as in FamilyPort::shape
  std::optional<int64_t> number; ///< empty: known only at run time
};

struct KernelArgument {
  std::string name; ///< the port's name; "w.0" for one of several planes
  const FamilyPort *port;
  Element element;
  std::vector<AxisSize> axes; ///< slowest first
};

/// The arguments of a valid specification, in calling order.
std::vector<KernelArgument> argumentsOf(const KernelSpec &spec);

/// The family's examples in every scheme and layout that it accepts, with columns enough for whole blocks.
std::vector<KernelSpec> examplesOf(const KernelFamily &family);

} // namespace gemmac

#endif
