//===- KernelCache.cpp - artifacts in files, by the hash of all that decides them -----------------------===//
//
// A file is a line "gemmac kernel 1 <kind> <hash of the bytes>" and then the bytes.

#include "targets/KernelCache.h"
#include "contract/Hash.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

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
  // Under a name of its own, then renamed.
  std::string unfinished = (fs::path(folder) / "unfinished-XXXXXX").string();
  int descriptor = mkstemp(unfinished.data());
  if (descriptor < 0)
    return;
  close(descriptor);
  std::ofstream file(unfinished, std::ios::binary);
  file << headerOf(artifact.kind, artifact.bytes) << '\n' << artifact.bytes;
  file.close();
  if (file)
    fs::rename(unfinished, fileOf(folder, artifact.symbol, identity), ignored);
  if (!file || ignored)
    fs::remove(unfinished, ignored);
}

} // namespace gemmac
