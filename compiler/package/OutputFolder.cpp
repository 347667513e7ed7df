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
