//===- PlanKernels.h - kernels by the reference's math --------------------------------------------------===//
//
// What the table of families (contract/KernelFamily.h) says of each, on the bytes of its operands. Sums run
// in double where kernels have float32; integers are the kernels' own.

#ifndef GEMMAC_COMPILER_VERIFY_PLANKERNELS_H
#define GEMMAC_COMPILER_VERIFY_PLANKERNELS_H

#include "compiler/reference/Weights.h"
#include "compiler/verify/PlanMemory.h"
#include "contract/KernelSpec.h"

#include <map>
#include <string>

namespace gemmac::verify {

/// The operands of one kernel, read and written in their order. The first failure is kept: what is read from
/// then on is zeros, what is written is lost.
class KernelOperands {
public:
  KernelOperands(PlanMemory &memory, llvm::ArrayRef<Region> operands) : memory(memory), operands(operands) {}

  /// The next operand, as it is.
  const Region &next();
  reference::Array floats();
  reference::Array ids();
  /// int8 rows with their scales and sums: three operands.
  reference::Array blocks();
  /// Indices below `end`.
  reference::Array indices(int64_t end);

  /// To the next operand, or for blocks the next three; its axes may be others, not its numbers.
  void put(const reference::Array &numbers);

  std::vector<uint8_t> bytesOf(const Region &region);
  void store(const Region &region, std::span<const uint8_t> bytes);
  void fail(const llvm::Twine &text);
  /// Nothing has failed, and what the operands must be they are.
  bool check(bool right, const llvm::Twine &otherwise);
  bool failed() const { return !error.empty(); }
  /// Fails too where operands are left.
  llvm::Error finish();

private:
  template <typename T>
  std::vector<T> numbersOf(const Region &region, bool fits);

  PlanMemory &memory;
  llvm::ArrayRef<Region> operands;
  size_t used = 0;
  std::string error;
};

class PlanKernels {
public:
  explicit PlanKernels(PlanMemory &memory) : memory(memory) {}

  static bool knows(llvm::StringRef family);

  /// Runs a kernel. Fails where a family is unknown, an operand has another type or number of elements than
  /// the contract says, lies beyond its memory, or is read before it is written.
  llvm::Error run(const KernelSpec &spec, llvm::ArrayRef<Region> operands);

  /// A matrix in the planes that are the next operands. Weights do not change: it is unpacked once.
  const reference::Weight &matrix(KernelOperands &operands, Layout layout, Scheme scheme, WeightShape shape);

private:
  PlanMemory &memory;
  std::map<std::string, reference::Weight> matrices;
};

/// The families of caches (PlanCaches.cpp).
void cacheWrite(const KernelSpec &spec, KernelOperands &operands);
void cachedAttention(const KernelSpec &spec, KernelOperands &operands);
void attentionSpans(const KernelSpec &spec, KernelOperands &operands);
void mergeSpans(const KernelSpec &spec, KernelOperands &operands);

} // namespace gemmac::verify

#endif
