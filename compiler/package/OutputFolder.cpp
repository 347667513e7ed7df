//===- OutputFolder.cpp - what a compilation writes, all of it or nothing -------------------------------===//

#include "compiler/package/OutputFolder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace gemmac {

namespace fs = llvm::sys::fs;

OutputFolder::~OutputFolder() {
  files.clear();
  if (paths.empty())
    for (const auto &folder : made)
      fs::remove(folder->folder()); // which fails if there is something in it
}

llvm::Error OutputFolder::make() {
  if (fs::is_directory(path))
    return llvm::Error::success();
  // From the inner to the outer one.
  for (llvm::StringRef missing = path; !missing.empty() && !fs::exists(missing);
       missing = llvm::sys::path::parent_path(missing))
    made.push_back(
        std::make_unique<RemovedOnInterrupt>(missing.str(), RemovedOnInterrupt::Contents::nothing));
  std::error_code error = std::make_error_code(std::errc::not_a_directory);
  if (!made.empty())
    error = fs::create_directories(path, /*IgnoreExisting=*/true, fs::all_all);
  if (error)
    return llvm::createStringError(error, "cannot make directory '" + path + "': " + error.message());
  return llvm::Error::success();
}

llvm::Error OutputFolder::checkRoom(uint64_t bytes, const std::function<void(uint64_t)> &before) const {
  if (before)
    before(bytes);
  llvm::StringRef existing = path;
  while (!existing.empty() && !fs::exists(existing))
    existing = llvm::sys::path::parent_path(existing);
  llvm::ErrorOr<fs::space_info> space = fs::disk_space(existing.empty() ? "." : existing);
  // Some network file systems say that they have no blocks at all.
  if (!space || !space->capacity || space->available >= bytes)
    return llvm::Error::success();
  return makeError("no room on the disk of '" + path + "': about " + llvm::Twine(bytes) +
                   " bytes are needed, " + llvm::Twine(space->available) + " are free");
}

llvm::Expected<OutputFile> OutputFolder::create(const std::string &name, OutputFile::Kind kind) {
  return OutputFile::create(path + "/" + name, kind);
}

llvm::Error OutputFolder::write(const std::string &name, std::string_view bytes, OutputFile::Kind kind) {
  llvm::Expected<OutputFile> file = create(name, kind);
  if (!file)
    return file.takeError();
  if (llvm::Error error = file->append(bytes))
    return error;
  add(std::move(*file));
  return llvm::Error::success();
}

llvm::Error OutputFolder::commit() {
  if (llvm::Error error = OutputFile::commitAll(files))
    return error;
  for (const OutputFile &file : files)
    paths.push_back(file.path());
  files.clear();
  made.clear();
  return llvm::Error::success();
}

} // namespace gemmac
