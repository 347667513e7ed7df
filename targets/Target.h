//===- Target.h - the machine that code is made for -----------------------------------------------------===//
// A device is a row of a family's Devices.cpp. Passes and kernels ask a target what it can do, never what it
// is called.

#ifndef GEMMAC_TARGETS_TARGET_H
#define GEMMAC_TARGETS_TARGET_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

enum class Family { x86, arm };

struct Target {
  std::string name;        ///< as on the command line: "generic-x86-64-v3"
  std::string description; ///< one line for `gemmac targets`
  Family family;
  std::string triple;   ///< LLVM's: "x86_64-unknown-linux-gnu"
  std::string cpu;      ///< LLVM's -mcpu of the driver
  std::string features; ///< LLVM's feature string of the driver, "+avx2,+fma"
  std::string halide;   ///< Halide's target string of the kernels, without `no_runtime` and `no_asserts`
  std::vector<std::string> requires_; ///< CPU features that the runtime checks before it runs a package, in
                                      ///< LLVM's names: "avx2", "avx512vnni", "dotprod"
  int cores = 1;                      ///< default number of threads
  int64_t l1 = 32 << 10, l2 = 512 << 10; ///< bytes of a core's data cache and second level
  std::string scheme = "q4_0";           ///< default scheme of the weights
  int vectorBytes = 32;                  ///< width of its float vectors
  bool dotProduct8 = false; ///< has an instruction that sums four int8 products into int32 (vpdpbusd, sdot)
  bool matrixTiles8 =
      false; ///< has one that multiplies matrices of int8 numbers, of 16 by 64 bytes (tdpbssd)
};

/// All rows, in the order in which `gemmac targets` lists them.
const std::vector<Target> &allTargets();

/// The row of that name, or of the machine that this runs on for "host"; null if there is none.
const Target *findTarget(std::string_view name);

/// Names of all rows and "host", separated by commas: for error messages.
std::string targetNames();

} // namespace gemmac

#endif
