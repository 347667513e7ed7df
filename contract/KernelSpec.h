//===- KernelSpec.h - what a kernel is compiled for -----------------------------------------------------===//

#ifndef GEMMAC_CONTRACT_KERNELSPEC_H
#define GEMMAC_CONTRACT_KERNELSPEC_H

#include "contract/Schedule.h"
#include "contract/WeightLayout.h"

#include <map>
#include <string>
#include <variant>

namespace gemmac {

using KernelConstant = std::variant<int64_t, double, std::string>;

struct KernelSpec {
  std::string family;
  std::map<std::string, KernelConstant> constants;
  Schedule schedule = {};

  int64_t integer(const std::string &name) const; ///< asserts that the constant exists
  double number(const std::string &name) const;   ///< a double; an integer is converted
  const std::string &word(const std::string &name) const;
  Scheme scheme() const; ///< the scheme that the constant `scheme` names
  Layout layout() const; ///< the layout that the constant `layout` names
  bool has(const std::string &name) const { return constants.count(name) != 0; }

  bool operator==(const KernelSpec &) const = default;

  /// The whole specification on one line, the same on every run:
  /// "softcap{cap=0x1.ep+4;heads=1;size=2048;}{grain = 8}". Words are quoted.
  std::string text() const;

  /// The kernel's C symbol: readable, determined by the specification, the same on every run:
  /// "linear_q4_0_1536x2048_1a2b3c4d5e6f7a8b". It ends in a hash and hashes may collide: code that collects
  /// kernels by symbol must compare their specifications as well.
  std::string symbol() const;
};

} // namespace gemmac

#endif
