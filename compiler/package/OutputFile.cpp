//===- OutputFile.cpp - files that appear whole or not at all -------------------------------------------===//

#include "compiler/package/OutputFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace gemmac {

/// A huge page of most machines.
static constexpr uint64_t kWindowBytes = 2 << 20;
/// The planes of a weight are written in parallel, each through its own window.
static constexpr size_t kWindows = 4;

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
    : path_(std::move(other.path_)), file_(std::move(other.file_)), size_(other.size_),
      windows_(std::move(other.windows_)), written_(std::move(other.written_)) {
  other.file_.reset();
}

OutputFile::~OutputFile() {
  if (file_)
    llvm::consumeError(file_->discard());
}

/// Writes all of it, in as many calls as needed.
template <typename Call, typename Byte>
static const char *transfer(Call call, int descriptor, Byte *bytes, size_t count, uint64_t offset) {
  while (count) {
    ssize_t done = call(descriptor, bytes, count, static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return done < 0 ? std::strerror(errno) : "the file system takes no more bytes";
    bytes += done;
    count -= static_cast<size_t>(done);
    offset += static_cast<uint64_t>(done);
  }
  return nullptr;
}

llvm::Error OutputFile::write(const Window &window) {
  uint64_t offset = window.index * kWindowBytes;
  size_t count = static_cast<size_t>(std::min(kWindowBytes, size_ - offset));
  if (const char *why = transfer(::pwrite, file_->FD, window.bytes.data(), count, offset))
    return cannotWrite(path_, why);
  written_.resize(std::max<size_t>(written_.size(), window.index + 1));
  written_[window.index] = count;
  return llvm::Error::success();
}

/// Marks the window as most recently used.
llvm::Error OutputFile::open(uint64_t index) {
  auto found = std::find_if(windows_.begin(), windows_.end(),
                            [&](const Window &window) { return window.index == index; });
  if (found != windows_.end()) {
    std::rotate(found, found + 1, windows_.end());
    return llvm::Error::success();
  }
  Window window{index, {}};
  if (windows_.size() == kWindows) {
    if (llvm::Error error = write(windows_.front()))
      return error;
    window.bytes = std::move(windows_.front().bytes);
    windows_.erase(windows_.begin());
  }
  window.bytes.assign(kWindowBytes, 0);
  if (index < written_.size())
    if (const char *why =
            transfer(::pread, file_->FD, window.bytes.data(), written_[index], index * kWindowBytes))
      return cannotWrite(path_, why);
  windows_.push_back(std::move(window));
  return llvm::Error::success();
}

llvm::Error OutputFile::writeAt(uint64_t offset, std::span<const uint8_t> bytes) {
  size_ = std::max<uint64_t>(size_, offset + bytes.size());
  while (!bytes.empty()) {
    if (llvm::Error error = open(offset / kWindowBytes))
      return error;
    size_t at = static_cast<size_t>(offset % kWindowBytes);
    size_t count = std::min(bytes.size(), static_cast<size_t>(kWindowBytes) - at);
    std::copy_n(bytes.begin(), count, windows_.back().bytes.begin() + static_cast<ptrdiff_t>(at));
    bytes = bytes.subspan(count);
    offset += count;
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

/// A rename is durable only when the directory has been flushed.
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
  for (const Window &window : windows_)
    if (llvm::Error error = write(window))
      return error;
  windows_.clear();
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
