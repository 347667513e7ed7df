//===- Target.h - the machine that code is made for -----------------------------------------------------===//
// A device is a row of a family's Devices.cpp. Passes and kernels ask a target what it can do, never what it
// is called.

#ifndef GEMMAC_CONTRACT_TARGET_H
#define GEMMAC_CONTRACT_TARGET_H

#include "contract/Scheme.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemmac {

struct Target {
  std::string name;            ///< as on the command line: "generic-x86-64-v3"
  std::string description;     ///< one line for `gemmac targets`
  std::string triple;          ///< LLVM's: "x86_64-unknown-linux-gnu"
  std::string cpu;             ///< LLVM's -mcpu of the driver
  std::string features;        ///< LLVM's feature string of the driver, "+avx2,+fma"
  std::string backend = "cpu"; ///< who makes its code: a row of targets/Backends.cpp
  std::string halide; ///< Halide's target string of the kernels, without `no_runtime` and `no_asserts`
  std::vector<std::string> requires_; ///< CPU features that the runtime checks before it runs a package, in
                                      ///< LLVM's names: "avx2", "avx512vnni", "dotprod"
  bool board = false; ///< the row is for `cpu` only: `host` skips it on other CPUs, whatever their features
  int cores = 1;      ///< of a typical machine of this kind: work is split into a few pieces per core
  int64_t l1 = 32 << 10, l2 = 512 << 10; ///< bytes of a core's L1 data cache and of its L2 cache
  Scheme scheme = Scheme::q4_0;          ///< default scheme of the weights
  int vectorBytes = 32;                  ///< bytes of a vector register of floats
  int vectorRegisters = 16;              ///< the number of these vectors' registers

  // Instructions, with their mnemonics.
  bool dotProduct8 = false; ///< sums four products of 8-bit numbers into int32: vpdpbusd, sdot
  bool mixedSigns8 =
      false; ///< products of 8-bit numbers take an unsigned and a signed operand: vpmaddubsw, vpdpbusd
  bool pairProducts16 = false; ///< sums two products of int16 numbers into int32, with a higher throughput
                               ///< than float32 multiply-adds have: vpmaddwd
  bool matrixTiles8 = false;   ///< multiplies matrices of int8 numbers, of 16 by 64 bytes: tdpbssd
};

/// Everything that may affect the target's code, on one line; its name does not. Two targets with the same
/// text get the same code.
std::string textOf(const Target &target);

} // namespace gemmac

#endif
