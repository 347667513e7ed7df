//===- Package.h - the .weights file --------------------------------------------------------------------===//
//
//   offset            bytes
//   0                 64               Header
//   metadata_offset   metadata_bytes   FlatBuffer, root gemmac.format.Metadata (package.fbs)
//   tensors_offset    tensors_bytes    planes of the tensors, mapped as they are; tensors_offset is a
//   multiple of 4096, a plane's a multiple of 64
//
// All numbers are little-endian. Goals: opened by one mmap, trusted with nothing before it is checked, and
// every byte that is read covered by a checksum. Non-goals: packages of several files, changing a package in
// place.

#ifndef GEMMAC_RUNTIME_FORMAT_PACKAGE_H
#define GEMMAC_RUNTIME_FORMAT_PACKAGE_H

#include "gemmac/gemmac.h"
#include "runtime/format/package_generated.h"

#include <stdint.h>

namespace gemmac::format {

inline constexpr char kMagic[8] = {'G', 'E', 'M', 'M', 'A', 'C', 0, 0};
inline constexpr uint32_t kFormatVersion = 2;
inline constexpr uint64_t kRegionAlignment = 4096;
inline constexpr uint64_t kPlaneAlignment = 64;

struct Header {
  char magic[8];
  uint32_t version;         ///< kFormatVersion
  uint32_t header_bytes;    ///< sizeof(Header)
  uint64_t metadata_offset; ///< a multiple of 8, behind the header
  uint64_t metadata_bytes;
  uint64_t tensors_offset; ///< behind the metadata
  uint64_t tensors_bytes;
  uint64_t file_bytes;
  uint64_t checksum; ///< headerChecksum
};
static_assert(sizeof(Header) == 64 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "read as it is mapped");

/// XXH3, 64 bits.
uint64_t checksumOf(const void *bytes, uint64_t size);

/// XXH3 of the metadata, seeded with that of the header's bytes before `checksum`.
uint64_t headerChecksum(const Header &header, const void *metadata);

/// A view of a package in memory, usable once `open` has returned GEMMAC_OK and as long as those bytes live.
class Package {
public:
  /// Checks header, metadata and every offset in it; `file` is the name for messages. Bytes are aligned
  /// to 64.
  gemmac_status open(const uint8_t *bytes, uint64_t size, const char *file, gemmac_error *error);

  /// Reads all tensor bytes and compares them with their checksums.
  gemmac_status verifyTensor(const Tensor &tensor, const char *file, gemmac_error *error) const;
  gemmac_status verifyTensors(const char *file, gemmac_error *error) const;

  const Header &header() const { return *reinterpret_cast<const Header *>(bytes); }
  const Metadata &metadata() const { return *root; }
  const uint8_t *tensors() const { return bytes + header().tensors_offset; }

private:
  const uint8_t *bytes = nullptr;
  const Metadata *root = nullptr;
};

} // namespace gemmac::format

#endif
