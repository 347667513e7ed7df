//===- OutputFolder.cpp - what a compilation writes, all of it or nothing -------------------------------===//

#include "compiler/package/OutputFolder.h"

#include "llvm/Support/FileSystem.h"

namespace gemmac {

namespace fs = llvm::sys::fs;

OutputFolder::~OutputFolder() {
  files.clear();
  if (made && paths.empty())
    fs::remove(path);
}

llvm::Error OutputFolder::make() {
  if (fs::is_directory(path))
    return llvm::Error::success();
  std::error_code error = std::make_error_code(std::errc::not_a_directory);
  if (!fs::exists(path))
    error = fs::create_directories(path, /*IgnoreExisting=*/true, fs::all_all);
  if (error)
    return llvm::createStringError(error, "cannot make directory '" + path + "': " + error.message());
  made = true;
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
  for (OutputFile &file : files) {
    if (llvm::Error error = file.commit())
      return error;
    paths.push_back(file.path());
  }
  files.clear();
  return llvm::Error::success();
}

} // namespace gemmac
