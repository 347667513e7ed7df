//===- PlanMemory.h - the bytes that a plan works on ----------------------------------------------------===//

#ifndef GEMMAC_COMPILER_VERIFY_PLANMEMORY_H
#define GEMMAC_COMPILER_VERIFY_PLANMEMORY_H

#include "compiler/verify/PlanWalk.h"

#include <map>
#include <span>

namespace gemmac::verify {

/// Every memory of a step, as bytes that know whether something was written to them.
class PlanMemory {
public:
  /// A memory of so many bytes, in which nothing has been written. One that is there already is emptied.
  void make(MemoryName name, int64_t bytes);
  bool has(MemoryName name) const { return memories.count(name) != 0; }
  /// All of that kind are gone.
  void drop(plan::Memory kind);
  /// Nothing has been written there any more: a buffer begins to live in these bytes.
  void forget(const Region &region);

  /// The elements in C order. Fails where they lie beyond their memory or were never written.
  llvm::Error load(const Region &region, std::vector<uint8_t> &bytes) const;
  /// Fails where the elements lie beyond their memory.
  llvm::Error store(const Region &region, std::span<const uint8_t> bytes);

private:
  struct Bytes {
    std::vector<uint8_t> bytes;
    std::vector<uint8_t> written; ///< of each byte: 0 or 1
  };
  /// Fails where the region does not lie inside of its memory.
  llvm::Expected<const Bytes *> around(const Region &region) const;

  std::map<MemoryName, Bytes> memories;
};

} // namespace gemmac::verify

#endif
