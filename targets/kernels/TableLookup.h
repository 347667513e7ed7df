//===- TableLookup.h - bytes found in a table of 16, with one instruction for a vector ------------------===//
//
// x86 and ARM look up a whole vector of bytes with one instruction (pshufb, tbl), which Halide cannot be
// asked for. Kernels call the function `kTableLookup` instead: Halide leaves a call for each lane. Here these
// calls become the instruction, and LLVM compiles what Halide wrote.

#ifndef GEMMAC_TARGETS_KERNELS_TABLELOOKUP_H
#define GEMMAC_TARGETS_KERNELS_TABLELOOKUP_H

#include "contract/Target.h"

#include <string>

namespace gemmac {

/// `i8 (i8)`: the table's value at an index of 0 … 15.
inline constexpr const char *kTableLookup = "gemmac_table_lookup";

enum class CodeKind : uint8_t { object, assembly, llvm };

struct LookupCode {
  std::string bytes;
  std::string error = {}; ///< not empty if something failed: one sentence
};

/// Compiles LLVM assembly in which `kTableLookup` is declared. `values` has 16 numbers. Thread safe.
LookupCode compileLookups(const std::string &assembly, const int8_t *values, const Target &target,
                          CodeKind kind);

} // namespace gemmac

#endif
