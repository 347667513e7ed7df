//===- MappedFile.cpp - a file as bytes -----------------------------------------------------------------===//

#include "compiler/import/MappedFile.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/LfsPointer.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include <cassert>
#include <sys/mman.h>

namespace gemmac {

llvm::Expected<MappedFile> MappedFile::open(const std::string &path, uint64_t least, llvm::StringRef format) {
  llvm::Expected<uint64_t> size = sizeOfFile(path);
  if (!size)
    return size.takeError();
  if (*size < least)
    return fileError(path, "has " + llvm::Twine(*size) + " bytes, too few for a " + format + " file");
  llvm::Expected<llvm::sys::fs::file_t> file = llvm::sys::fs::openNativeFileForRead(path);
  if (!file)
    return fileError(path, llvm::toString(file.takeError()));
  std::error_code error;
  llvm::sys::fs::mapped_file_region region(*file, llvm::sys::fs::mapped_file_region::readonly, *size, 0,
                                           error);
  llvm::sys::fs::closeFile(*file);
  if (error)
    return fileError(path, "cannot be mapped: " + error.message());
  if (llvm::Error pointer = refuseLfsPointer(path, {region.const_data(), region.size()}))
    return std::move(pointer);
  return MappedFile(std::move(region));
}

void MappedFile::release(std::span<const uint8_t> part) const {
  assert(part.empty() ||
         (part.data() >= bytes().data() && part.data() + part.size() <= bytes().data() + bytes().size()));
  static const uint64_t page = llvm::sys::Process::getPageSizeEstimate();
  uint64_t begin = llvm::alignTo(uint64_t(part.data()), page);
  uint64_t end = llvm::alignDown(uint64_t(part.data() + part.size()), page);
  // A hint only: where it fails, the pages stay until the OS evicts them.
  if (begin < end)
    (void)madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace gemmac
