//===- MappedFile.h - a file as bytes -------------------------------------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_MAPPEDFILE_H
#define GEMMAC_COMPILER_IMPORT_MAPPEDFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include <cstdint>
#include <span>
#include <string>

namespace gemmac {

/// A regular file, mapped read-only. Its bytes stay where they are for as long as it lives.
class MappedFile {
public:
  /// Refuses a file of fewer bytes than `least`, whose format the message names.
  static llvm::Expected<MappedFile> open(const std::string &path, uint64_t least, llvm::StringRef format);

  std::span<const uint8_t> bytes() const {
    return {reinterpret_cast<const uint8_t *>(region.const_data()), region.size()};
  }

  /// Hint: the pages that lie wholly in this range may be evicted. They are read from the file again if
  /// needed.
  void release(std::span<const uint8_t> part) const;

private:
  explicit MappedFile(llvm::sys::fs::mapped_file_region region) : region(std::move(region)) {}
  llvm::sys::fs::mapped_file_region region;
};

} // namespace gemmac

#endif
