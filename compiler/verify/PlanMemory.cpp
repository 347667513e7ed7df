//===- PlanMemory.cpp - the bytes that a plan works on --------------------------------------------------===//

#include "compiler/verify/PlanMemory.h"

#include <algorithm>
#include <cstring>

namespace gemmac::verify {

void PlanMemory::make(MemoryName name, int64_t bytes) {
  // 0xff: not a number as float32, and no index of anything.
  memories[name] = {std::vector<uint8_t>(size_t(bytes), 0xff), std::vector<uint8_t>(size_t(bytes))};
}

void PlanMemory::drop(plan::Memory kind) {
  std::erase_if(memories, [&](const auto &each) { return each.first.memory == kind; });
}

llvm::Expected<const PlanMemory::Bytes *> PlanMemory::around(const Region &region) const {
  auto found = memories.find(region.name);
  if (found == memories.end())
    return llvm::createStringError("lies in " + region.name.text() + ", which is not there");
  auto size = int64_t(found->second.bytes.size());
  if (region.offset < 0 || region.end() > size)
    return llvm::createStringError("has bytes " + llvm::Twine(region.offset) + " to " +
                                   llvm::Twine(region.end()) + " of " + region.name.text() + ", which has " +
                                   llvm::Twine(size));
  return &found->second;
}

void PlanMemory::forget(const Region &region) {
  auto found = memories.find(region.name);
  if (found == memories.end())
    return;
  Bytes &all = found->second;
  auto clip = [&](int64_t at) { return std::clamp<int64_t>(at, 0, int64_t(all.bytes.size())); };
  std::fill(all.bytes.begin() + clip(region.offset), all.bytes.begin() + clip(region.end()), 0xff);
  std::fill(all.written.begin() + clip(region.offset), all.written.begin() + clip(region.end()), 0);
}

llvm::Error PlanMemory::load(const Region &region, std::vector<uint8_t> &bytes) const {
  bytes.clear();
  llvm::Expected<const Bytes *> all = around(region);
  if (!all)
    return all.takeError();
  int64_t unwritten = -1;
  region.eachRun([&](int64_t offset, int64_t count) {
    auto first = (*all)->written.begin() + offset;
    auto hole = std::find(first, first + count, 0);
    if (hole != first + count && unwritten < 0)
      unwritten = offset + (hole - first);
    bytes.insert(bytes.end(), (*all)->bytes.begin() + offset, (*all)->bytes.begin() + offset + count);
  });
  if (unwritten >= 0)
    return llvm::createStringError("reads byte " + llvm::Twine(unwritten) + " of " + region.name.text() +
                                   ", which nothing has written");
  return llvm::Error::success();
}

llvm::Error PlanMemory::store(const Region &region, std::span<const uint8_t> bytes) {
  llvm::Expected<const Bytes *> found = around(region);
  if (!found)
    return found.takeError();
  Bytes &all = memories[region.name];
  const uint8_t *from = bytes.data();
  region.eachRun([&](int64_t offset, int64_t count) {
    std::memcpy(all.bytes.data() + offset, from, size_t(count));
    std::fill_n(all.written.begin() + offset, count, 1);
    from += count;
  });
  return llvm::Error::success();
}

} // namespace gemmac::verify
