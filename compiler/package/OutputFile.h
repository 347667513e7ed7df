//===- OutputFile.h - files that appear whole or not at all ---------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H
#define GEMMAC_COMPILER_PACKAGE_OUTPUTFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <optional>
#include <span>
#include <string>

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

  llvm::Error writeAt(uint64_t offset, std::span<const uint8_t> bytes);
  /// Makes the file this long, with zeros, and takes the room on the disk at once where the file system can.
  llvm::Error reserve(uint64_t bytes);
  llvm::Error append(std::string_view text);

  /// Puts everything on the disk and gives the file its name, replacing what had it.
  llvm::Error commit();

private:
  OutputFile(std::string path, llvm::sys::fs::TempFile file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  std::optional<llvm::sys::fs::TempFile> file_;
  uint64_t size_ = 0;
};

/// An error whose text is the message.
llvm::Error makeError(const llvm::Twine &message);

} // namespace gemmac

#endif
