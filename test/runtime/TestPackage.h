//===- TestPackage.h - packages for tests ---------------------------------------------------------------===//

#ifndef GEMMAC_TEST_RUNTIME_TESTPACKAGE_H
#define GEMMAC_TEST_RUNTIME_TESTPACKAGE_H

#include "runtime/format/Package.h"
#include "test/TemporaryFolder.h"

#include <new>
#include <string>
#include <vector>

namespace gemmac::test {

/// As a mapped file is: aligned.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U> &) {}
  T *allocate(size_t n) { return static_cast<T *>(::operator new(n * sizeof(T), std::align_val_t(64))); }
  void deallocate(T *p, size_t) { ::operator delete(p, std::align_val_t(64)); }
  bool operator==(const AlignedAllocator &) const { return true; }
};
using Bytes = std::vector<uint8_t, AlignedAllocator<uint8_t>>;

struct Contents {
  format::MetadataT metadata;
  std::vector<uint8_t> tensors;
};

/// What belongs to fake_model: two tensors, a vocabulary of 64 pieces.
Contents fakeContents();

Bytes write(const Contents &contents);
format::Header &headerOf(Bytes &bytes);
const format::Header &headerOf(const Bytes &bytes);
/// Makes the header's checksum fit again.
void seal(Bytes &bytes);

/// A file of a test, in a folder of its own; gone with this object.
class TemporaryFile {
  TemporaryFolder folder;

public:
  TemporaryFile(const std::string &name, const Bytes &bytes);
  const std::string path;
};

} // namespace gemmac::test

#endif
