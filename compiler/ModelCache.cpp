//===- ModelCache.cpp - the compiled models that tools keep ---------------------------------------------===//

#include "compiler/ModelCache.h"

#include "compiler/PreparedModel.h"
#include "compiler/import/JsonFile.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/Units.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gemmac {

namespace fs = llvm::sys::fs;

// ---- Locks

void ModelLock::giveBack() {
  if (descriptor >= 0)
    ::close(std::exchange(descriptor, -1));
}

void ModelLock::keepOverExec() {
  if (descriptor >= 0)
    ::fcntl(descriptor, F_SETFD, 0);
}

/// Who has removed a model has also removed its lock's file: a lock that was waited for must be of the file
/// that is there now.
static bool isStillThere(int descriptor, const std::string &path) {
  struct stat own, there;
  return ::fstat(descriptor, &own) == 0 && ::stat(path.c_str(), &there) == 0 && own.st_dev == there.st_dev &&
         own.st_ino == there.st_ino;
}

/// A lock needs no right to write, which a cache of somebody else does not give.
static int openLock(const std::string &path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  const int why = errno;
  if (descriptor >= 0)
    return descriptor;
  const int readOnly = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  errno = why;
  return readOnly;
}

/// flock(2), also where a signal comes. True: somebody else has it, and it is not to be waited for.
static bool isTaken(int descriptor, int operation) {
  while (::flock(descriptor, operation) != 0)
    if (errno != EINTR)
      return errno == EWOULDBLOCK;
  return false;
}

llvm::Expected<ModelLock> ModelCache::lockShared(const std::string &name,
                                                 const std::function<void()> &waiting) const {
  const std::string path = lockOf(name);
  if (std::error_code error = fs::create_directories(folder + "/used"))
    return makeError("cannot make directory '" + folder + "/used': " + error.message());
  while (true) {
    const int descriptor = openLock(path);
    if (descriptor < 0)
      return makeError("cannot open '" + path + "': " + std::strerror(errno));
    ModelLock lock(descriptor);
    if (isTaken(descriptor, LOCK_SH | LOCK_NB)) {
      waiting();
      isTaken(descriptor, LOCK_SH);
    }
    if (isStillThere(descriptor, path))
      return lock;
  }
}

std::optional<ModelLock> ModelCache::tryAlone(const std::string &name) const {
  const int descriptor = openLock(lockOf(name));
  if (descriptor < 0)
    return ModelLock(-1); // nobody can have it
  ModelLock lock(descriptor);
  if (isTaken(descriptor, LOCK_EX | LOCK_NB) || !isStillThere(descriptor, lockOf(name)))
    return std::nullopt;
  return lock;
}

void ModelCache::touch(const std::string &name) const {
  ::utimensat(AT_FDCWD, lockOf(name).c_str(), nullptr, 0);
}

// ---- Models

llvm::Expected<ModelCache> ModelCache::ofUser() {
  std::string folder = cacheDirectory();
  if (folder.empty())
    return makeError("no directory for compiled models: neither XDG_CACHE_HOME nor HOME is set");
  return ModelCache(std::move(folder));
}

/// What the files of a folder take on the disk.
static uint64_t bytesIn(const std::string &folder) {
  uint64_t bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator file(folder, error, /*follow_symlinks=*/false), end;
  for (; file != end && !error; file.increment(error)) {
    struct stat about;
    if (::lstat(file->path().c_str(), &about) == 0 && S_ISREG(about.st_mode))
      bytes += static_cast<uint64_t>(about.st_blocks) * 512;
  }
  return bytes;
}

CachedModel ModelCache::describe(const std::string &path) const {
  CachedModel model;
  model.name = llvm::sys::path::filename(path).str();
  model.bytes = bytesIn(path);
  model.isComplete = !weightsOf(path).empty();
  const std::string lock = lockOf(model.name);
  struct stat about = {};
  if (::stat(lock.c_str(), &about) == 0) {
    const ModelLock probe(::open(lock.c_str(), O_RDONLY | O_CLOEXEC));
    model.inUse = probe.descriptor >= 0 && isTaken(probe.descriptor, LOCK_EX | LOCK_NB);
  } else {
    ::stat(path.c_str(), &about);
  }
  model.lastUse = about.st_mtime;
  return model;
}

std::vector<CachedModel> ModelCache::models() const {
  std::vector<CachedModel> found;
  std::error_code error;
  fs::directory_iterator entry(folder + "/models", error), end;
  for (; entry != end && !error; entry.increment(error))
    if (fs::get_file_type(entry->path(), /*Follow=*/false) == fs::file_type::directory_file)
      found.push_back(describe(entry->path()));
  llvm::sort(found, [](const CachedModel &a, const CachedModel &b) {
    return std::tie(a.lastUse, a.name) < std::tie(b.lastUse, b.name);
  });
  return found;
}

llvm::Error ModelCache::remove(const std::string &name) const {
  std::optional<ModelLock> lock = tryAlone(name);
  if (!lock)
    return makeError("'" + pathOf(name) + "' stays: it is in use");
  // The manifest first: what is left by an interrupt is no model.
  std::error_code error = fs::remove(pathOf(name) + "/manifest.json");
  if (!error)
    error = fs::remove_directories(pathOf(name), /*IgnoreErrors=*/false);
  if (error && fs::exists(pathOf(name)))
    return makeError("cannot remove '" + pathOf(name) + "': " + error.message());
  fs::remove(lockOf(name));
  return llvm::Error::success();
}

void ModelCache::removeLostLocks() const {
  std::error_code error;
  fs::directory_iterator entry(folder + "/used", error), end;
  for (; entry != end && !error; entry.increment(error)) {
    const std::string name = llvm::sys::path::filename(entry->path()).str();
    if (fs::exists(pathOf(name)))
      continue;
    if (std::optional<ModelLock> lock = tryAlone(name))
      fs::remove(lockOf(name));
  }
}

std::vector<CachedModel> ModelCache::keepLimit(uint64_t more, const std::string &but) const {
  removeLostLocks();
  std::vector<CachedModel> all = models(), removed;
  uint64_t kept = more;
  for (const CachedModel &model : all)
    kept += model.name == but ? 0 : model.bytes;
  const uint64_t most = limit();
  for (CachedModel &model : all) {
    if (kept <= most)
      break;
    if (model.name == but || model.inUse)
      continue;
    if (llvm::Error error = remove(model.name)) {
      llvm::consumeError(std::move(error)); // taken just now, or not ours to remove
      continue;
    }
    kept -= model.bytes;
    removed.push_back(std::move(model));
  }
  return removed;
}

// ---- The limit

uint64_t ModelCache::limit() const {
  llvm::Expected<std::string> text = readTextFile(folder + "/limit", 100);
  if (!text) {
    llvm::consumeError(text.takeError());
    return kDefaultLimit;
  }
  const llvm::StringRef size = llvm::StringRef(*text).trim();
  return size == "none" ? kNoLimit : parseBytes(size).value_or(kDefaultLimit);
}

llvm::Error ModelCache::setLimit(uint64_t bytes) {
  if (std::error_code error = fs::create_directories(folder))
    return makeError("cannot make directory '" + folder + "': " + error.message());
  llvm::Expected<OutputFile> file = OutputFile::create(folder + "/limit");
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->append((bytes == kNoLimit ? "none" : std::to_string(bytes)) + "\n"))
    return error;
  return file->commit();
}

} // namespace gemmac
