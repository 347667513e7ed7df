//===- OutputFile.cpp - files that appear whole or not at all -------------------------------------------===//

#include "compiler/package/OutputFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace gemmac {

llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

static llvm::Error cannotWrite(const std::string &path, const llvm::Twine &why) {
  return makeError("cannot write '" + path + "': " + why);
}

llvm::Expected<OutputFile> OutputFile::create(const std::string &path, Kind kind) {
  namespace fs = llvm::sys::fs;
  unsigned mode = kind == Kind::executable ? fs::all_all : fs::all_read | fs::all_write;
  llvm::Expected<fs::TempFile> file = fs::TempFile::create(path + ".%%%%%%%%.part", mode);
  if (!file)
    return cannotWrite(path, llvm::toString(file.takeError()));
  return OutputFile(path, std::move(*file));
}

OutputFile::OutputFile(OutputFile &&other)
    : path_(std::move(other.path_)), file_(std::move(other.file_)), size_(other.size_) {
  other.file_.reset();
}

OutputFile::~OutputFile() {
  if (file_)
    llvm::consumeError(file_->discard());
}

llvm::Error OutputFile::writeAt(uint64_t offset, std::span<const uint8_t> bytes) {
  size_ = std::max<uint64_t>(size_, offset + bytes.size());
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(file_->FD, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return cannotWrite(path_, std::strerror(errno));
    if (written == 0)
      return cannotWrite(path_, "the file system takes no more bytes");
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return llvm::Error::success();
}

llvm::Error OutputFile::reserve(uint64_t bytes) {
  size_ = std::max(size_, bytes);
  if (bytes == 0 || ::fallocate(file_->FD, 0, 0, static_cast<off_t>(bytes)) == 0)
    return llvm::Error::success();
  if ((errno == EOPNOTSUPP || errno == ENOSYS) && ::ftruncate(file_->FD, static_cast<off_t>(bytes)) == 0)
    return llvm::Error::success();
  return cannotWrite(path_,
                     llvm::Twine(std::strerror(errno)) + " (it needs " + llvm::Twine(bytes) + " bytes)");
}

llvm::Error OutputFile::append(std::string_view text) {
  return writeAt(size_, {reinterpret_cast<const uint8_t *>(text.data()), text.size()});
}

/// A rename is on the disk only when its directory is.
static void syncDirectoryOf(const std::string &path) {
  size_t slash = path.find_last_of('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  ::fsync(descriptor);
  ::close(descriptor);
}

llvm::Error OutputFile::commit() {
  if (::fsync(file_->FD) != 0)
    return cannotWrite(path_, std::strerror(errno));
  llvm::Error kept = file_->keep(path_);
  file_.reset();
  if (kept)
    return cannotWrite(path_, llvm::toString(std::move(kept)));
  syncDirectoryOf(path_);
  return llvm::Error::success();
}

} // namespace gemmac
