//===- PlannedCalls.h - the kernels that a plan runs, call after call, as plain facts -------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_PLANNEDCALLS_H
#define GEMMAC_COMPILER_PACKAGE_PLANNEDCALLS_H

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gemmac {

/// Tokens of one step and the position of the first of them.
struct StepShape {
  int64_t tokens = 1;
  int64_t position = 0;
};

/// What has to be read and multiplied, whoever does it and however: bytes of weights and cache once a call,
/// multiply-adds of every token.
struct Work {
  double bytes = 0;
  double integerProducts = 0; ///< of 8-bit numbers
  double floatProducts = 0;

  Work &operator+=(const Work &other);
  double products() const { return integerProducts + floatProducts; }
};

/// A `plan.call`: what it reads and multiplies follows from its operands.
struct PlannedCall {
  std::string kernel; ///< its symbol
  std::string weight; ///< without its layer: "qkv"; empty where it has none
  bool integer = false;
  int64_t weightBytes = 0; ///< read by every call
  int64_t products = 0;    ///< with weights, for each token
  int64_t rowBytes = 0;    ///< looked up for each token
  int64_t experts = 0, choices = 0;
  int64_t expertBytes = 0;  ///< read for each expert that any token chose
  int64_t slotBytes = 0;    ///< of the cache, for each position that any token sees
  int64_t slotProducts = 0; ///< for each token and position that it sees
  int64_t window = 0;       ///< positions that a token sees at most; 0: all up to its own

  bool operator==(const PlannedCall &) const = default;
  Work work(StepShape step) const;
};

/// One entry point of the model: its calls, in the order in which every step makes them.
struct PlannedPhase {
  struct Stretch {
    int64_t layer = -1; ///< -1: before the first layer or behind the last
    std::vector<size_t> calls;
  };

  std::string name; ///< "prefill", "decode", "score"
  std::vector<PlannedCall> calls;
  std::vector<Stretch> order; ///< neighbours of one layer; indices into calls

  Work work(StepShape step) const;
};

/// Walks through the entry points of a planned module. Loops and tables are constant: the calls of a step are
/// known.
std::vector<PlannedPhase> plannedPhases(mlir::ModuleOp plan);

} // namespace gemmac

#endif
