//===- OutputFile.cpp - files that appear whole or not at all -------------------------------------------===//

#include "compiler/package/OutputFile.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace gemmac {

namespace fs = llvm::sys::fs;

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

/// An error where something lies that a file cannot replace.
static llvm::Error checkPlace(const std::string &path) {
  fs::file_status status;
  if (fs::status(path, status) || status.type() == fs::file_type::regular_file)
    return llvm::Error::success(); // nothing is there, or it will be seen
  return cannotWrite(path, status.type() == fs::file_type::directory_file ? "it is a directory"
                                                                          : "it is no regular file");
}

llvm::Expected<OutputFile> OutputFile::create(const std::string &path, Kind kind) {
  if (llvm::Error error = checkPlace(path))
    return std::move(error);
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

llvm::Error OutputFile::flush() {
  for (const Window &window : windows_)
    if (llvm::Error error = write(window))
      return error;
  windows_.clear();
  if (::fsync(file_->FD) != 0)
    return cannotWrite(path_, std::strerror(errno));
  return llvm::Error::success();
}

/// New files in the places of old ones; what was there comes back unless it ends well.
class OutputFile::Replacement {
public:
  llvm::Error moveAside(const std::string &path) {
    if (llvm::Error error = checkPlace(path))
      return error;
    llvm::SmallString<256> aside;
    fs::createUniquePath(path + ".%%%%%%%%.old", aside, /*MakeAbsolute=*/false);
    if (std::rename(path.c_str(), aside.c_str()) == 0)
      old.push_back({aside.str().str(), path});
    else if (errno != ENOENT)
      return cannotWrite(path, std::strerror(errno));
    return llvm::Error::success();
  }

  llvm::Error place(OutputFile &file) {
    if (std::rename(file.file_->TmpName.c_str(), file.path_.c_str()) != 0)
      return cannotWrite(file.path_, std::strerror(errno));
    placed.push_back(file.path_);
    llvm::consumeError(file.file_->keep()); // closes it; it has its name
    file.file_.reset();
    return llvm::Error::success();
  }

  void end() {
    for (const auto &[aside, path] : old)
      ::unlink(aside.c_str());
    old.clear();
    placed.clear();
  }

  ~Replacement() {
    for (const std::string &path : placed)
      ::unlink(path.c_str());
    for (const auto &[aside, path] : old)
      std::rename(aside.c_str(), path.c_str());
  }

private:
  std::vector<std::pair<std::string, std::string>> old; ///< where it stands aside, and its own name
  std::vector<std::string> placed;
};

llvm::Error OutputFile::commitAll(llvm::MutableArrayRef<OutputFile> files) {
  for (OutputFile &file : files)
    if (llvm::Error error = file.flush())
      return error;
  Replacement replacement;
  for (OutputFile &file : llvm::reverse(files))
    if (llvm::Error error = replacement.moveAside(file.path_))
      return error;
  for (OutputFile &file : files)
    if (llvm::Error error = replacement.place(file))
      return error;
  replacement.end();
  for (OutputFile &file : files)
    syncDirectoryOf(file.path_);
  return llvm::Error::success();
}

llvm::Error OutputFile::commit() {
  return commitAll(*this);
}

} // namespace gemmac
