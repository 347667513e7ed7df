//===- KernelCache.cpp - artifacts in files, by the hash of all that decides them -----------------------===//
//
// A file is a line "gemmac kernel 1 <kind> <hash of the bytes>" and then the bytes.

#include "targets/KernelCache.h"
#include "contract/Hash.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace gemmac {

namespace fs = std::filesystem;

static fs::path fileOf(const std::string &folder, const std::string &symbol, const std::string &identity) {
  return fs::path(folder) / (symbol + "-" + hashOf(identity) + ".kernel");
}

static std::string headerOf(ArtifactKind kind, std::string_view bytes) {
  return "gemmac kernel 1 " + std::string(nameOf(kind)) + " " + hashOf(bytes);
}

std::optional<Artifact> KernelCache::find(const std::string &symbol, const std::string &identity) const {
  if (folder.empty())
    return {};
  std::ifstream file(fileOf(folder, symbol, identity), std::ios::binary);
  std::string header;
  std::ostringstream rest;
  if (!std::getline(file, header) || !(rest << file.rdbuf()))
    return {};
  std::string bytes = std::move(rest).str();
  for (ArtifactKind kind : {ArtifactKind::object, ArtifactKind::deviceCode, ArtifactKind::source})
    if (header == headerOf(kind, bytes))
      return Artifact{kind, symbol, std::move(bytes)};
  return {};
}

void KernelCache::store(const Artifact &artifact, const std::string &identity) const {
  if (folder.empty())
    return;
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  // Under a name of its own, then renamed; removed if the process is interrupted before.
  llvm::Expected<llvm::sys::fs::TempFile> file =
      llvm::sys::fs::TempFile::create((fs::path(folder) / "unfinished-%%%%%%%%").string());
  if (!file)
    return llvm::consumeError(file.takeError());
  llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
  stream << headerOf(artifact.kind, artifact.bytes) << '\n' << artifact.bytes;
  stream.flush();
  const bool written = !stream.has_error();
  stream.clear_error(); // what is left of it would end the process
  const std::string place = fileOf(folder, artifact.symbol, identity).string();
  llvm::consumeError(written ? file->keep(place) : file->discard());
}

} // namespace gemmac
