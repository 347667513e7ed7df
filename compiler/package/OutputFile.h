//===- OutputFile.h - files that appear whole or not at all ---------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H
#define GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gemmac {

/// A file under a temporary name beside its own. It is renamed by commit(); destroyed, interrupted or failed
/// before that, it is removed.
class OutputFile {
public:
  enum class Kind { plain, executable };

  static llvm::Expected<OutputFile> create(const std::string &path, Kind kind = Kind::plain);
  OutputFile(OutputFile &&other);
  OutputFile &operator=(OutputFile &&) = delete;
  ~OutputFile();

  const std::string &path() const { return path_; }
  uint64_t size() const { return size_; } ///< end of the farthest write

  /// What cannot be written may also be noticed by a later call, by commit() at the latest.
  llvm::Error writeAt(uint64_t offset, std::span<const uint8_t> bytes);
  /// Makes the file this long, with zeros, and takes the room on the disk at once where the file system can.
  llvm::Error reserve(uint64_t bytes);
  llvm::Error append(std::string_view text);

  /// Puts everything on the disk and gives the file its name, replacing what had it.
  llvm::Error commit();

private:
  /// A huge page of the file, gathered before it is written: file systems that keep large pieces of a file
  /// in one piece of memory do so by what one call writes, and only such a piece is mapped as a huge page.
  struct Window {
    uint64_t index;
    std::vector<uint8_t> bytes;
  };

  OutputFile(std::string path, llvm::sys::fs::TempFile file)
      : path_(std::move(path)), file_(std::move(file)) {}
  llvm::Error open(uint64_t index);
  llvm::Error write(const Window &window);

  std::string path_;
  std::optional<llvm::sys::fs::TempFile> file_;
  uint64_t size_ = 0;
  std::vector<Window> windows_; ///< used last: last
  std::vector<size_t> written_; ///< bytes of each window that are in the file
};

/// An error whose text is the message.
llvm::Error makeError(const llvm::Twine &message);

} // namespace gemmac

#endif
