//===- OutputFile.h - files that appear whole or not at all ---------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H
#define GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gemmac {

/// A file that is written under a temporary name in the same directory. commit() renames it; without commit()
/// it is removed, also when the process is interrupted.
class OutputFile {
public:
  enum class Kind { plain, executable };

  /// Only what is not there, or is a regular file, can be written: a directory or a device is an error.
  static llvm::Expected<OutputFile> create(const std::string &path, Kind kind = Kind::plain);
  OutputFile(OutputFile &&other);
  OutputFile &operator=(OutputFile &&) = delete;
  ~OutputFile();

  const std::string &path() const { return path_; }
  uint64_t size() const { return size_; } ///< end of the farthest write

  /// A failed write may be reported by a later call, by commit() at the latest.
  llvm::Error writeAt(uint64_t offset, std::span<const uint8_t> bytes);
  /// Sets the length of the file, filled with zeros, and allocates its disk space if the file system can.
  llvm::Error reserve(uint64_t bytes);
  llvm::Error append(std::string_view text);

  /// Flushes everything to the disk and renames the file, replacing an older one.
  llvm::Error commit();
  /// The same of several files: all get their names, or what was there before stays. Old files go out of the
  /// way from the last to the first, new ones come from the first to the last: the last one is never beside
  /// files of another time.
  static llvm::Error commitAll(llvm::MutableArrayRef<OutputFile> files);

private:
  /// A buffer for one huge page of the file. File systems with large folios (ext4 since Linux 6.16) choose
  /// the folio's size by the size of a write, and only a large enough folio is mapped as a huge page.
  struct Window {
    uint64_t index;
    std::vector<uint8_t> bytes;
  };

  OutputFile(std::string path, llvm::sys::fs::TempFile file)
      : path_(std::move(path)), file_(std::move(file)) {}
  llvm::Error open(uint64_t index);
  llvm::Error write(const Window &window);
  llvm::Error flush();

  class Replacement;

  std::string path_;
  std::optional<llvm::sys::fs::TempFile> file_;
  uint64_t size_ = 0;
  std::vector<Window> windows_; ///< least recently used first
  std::vector<size_t> written_; ///< bytes of each window that are in the file
};

/// An error whose text is the message.
llvm::Error makeError(const llvm::Twine &message);

} // namespace gemmac

#endif
