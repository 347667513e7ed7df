//===- HubCache.cpp - models that Hugging Face's tools have downloaded ----------------------------------===//

#include "compiler/import/HubCache.h"
#include "compiler/import/Gguf.h"
#include "compiler/import/JsonFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace gemmac {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

constexpr StringRef kFolderPrefix = "models--";
// Of an owner, a repository and a revision; Hugging Face allows 96.
constexpr size_t kLongestName = 255;

std::string fromEnvironment(const char *name) {
  const char *value = std::getenv(name);
  if (!value || !*value)
    return "";
  llvm::SmallString<256> expanded;
  fs::expand_tilde(value, expanded);
  return expanded.str().str();
}

llvm::Error failed(const Twine &text) {
  return llvm::createStringError(std::make_error_code(std::errc::no_such_file_or_directory), text);
}

/// A name of one folder or file that leads nowhere else.
bool isName(StringRef part) {
  return !part.empty() && part.size() <= kLongestName && !part.starts_with(".") &&
         llvm::all_of(part, [](char c) { return llvm::isAlnum(c) || c == '.' || c == '_' || c == '-'; });
}

/// The revision that `main` stands for, as the folder of its files.
Expected<std::string> mainSnapshot(const std::string &repository) {
  std::string ref = repository + "/refs/main", snapshots = repository + "/snapshots";
  if (!fs::exists(ref))
    return failed("'" + Twine(repository) +
                  "' holds no revision 'main'; a revision that it has is opened by its folder in '" +
                  snapshots + "'");
  Expected<std::string> revision = readTextFile(ref, kLongestName + 1);
  if (!revision)
    return revision.takeError();
  StringRef name = StringRef(*revision).trim();
  if (!isName(name))
    return fileError(ref, "names no revision");
  std::string snapshot = (snapshots + "/" + name).str();
  if (!fs::is_directory(snapshot))
    return failed("'" + Twine(ref) + "' names the revision " + name + ", but '" + snapshots +
                  "' does not have it: its download was not finished, or it was deleted");
  return snapshot;
}

/// The first parts of all models in a folder of GGUF files. Projectors of images (mmproj) are none.
std::vector<std::string> ggufModels(const std::string &folder) {
  std::vector<std::string> files, models;
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; file != end && !error; file.increment(error))
    if (StringRef name = path::filename(file->path()); name.ends_with(".gguf") && !name.contains("mmproj"))
      files.push_back(file->path());
  llvm::sort(files);
  std::vector<std::string> later; // parts
  for (const std::string &file : files) {
    std::vector<std::string> parts = ggufParts(file);
    later.insert(later.end(), parts.begin() + 1, parts.end());
  }
  llvm::copy_if(files, std::back_inserter(models),
                [&](const std::string &file) { return !llvm::is_contained(later, file); });
  return models;
}

/// What is to be opened of a snapshot: the directory, or its only GGUF model.
Expected<std::string> modelIn(const std::string &snapshot, StringRef name) {
  if (fs::exists(snapshot + "/config.json"))
    return snapshot;
  std::vector<std::string> models = ggufModels(snapshot);
  if (models.empty())
    return snapshot; // whoever opens it says what is missing
  if (models.size() == 1)
    return models.front();
  auto names = llvm::map_range(models, [](const std::string &model) { return path::filename(model).str(); });
  return failed("'" + name + "' has " + Twine(models.size()) +
                " models, of which one must be named, as in '" + name + "/" + path::filename(models.front()) +
                "': " + llvm::join(names, ", "));
}

Expected<std::string> locateInCache(const std::string &model, llvm::ArrayRef<StringRef> parts) {
  std::string cache = hubCacheDirectory();
  std::string name = (parts[0] + "/" + parts[1]).str();
  if (cache.empty())
    return failed("there is no '" + Twine(model) +
                  "', and no cache of Hugging Face: neither HF_HOME nor HOME is set");
  std::string repository = (cache + "/" + kFolderPrefix + parts[0] + "--" + parts[1]).str();
  if (!fs::is_directory(repository))
    return failed("there is no file or directory '" + Twine(model) +
                  "', and no such model in the cache of Hugging Face ('" + cache + "'); `hf download " +
                  name + "` gets it");
  Expected<std::string> snapshot = mainSnapshot(repository);
  if (!snapshot || parts.size() == 2)
    return snapshot ? modelIn(*snapshot, name) : std::move(snapshot);
  std::string file = *snapshot + "/" + llvm::join(parts.drop_front(2), "/");
  if (!fs::exists(file))
    return failed("there is no '" + Twine(file) + "'; `hf download " + name + " " +
                  llvm::join(parts.drop_front(2), "/") + "` gets it");
  return file;
}

} // namespace

std::string hubCacheDirectory() {
  for (const char *name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (std::string cache = fromEnvironment(name); !cache.empty())
      return cache;
  if (std::string home = fromEnvironment("HF_HOME"); !home.empty())
    return home + "/hub";
  if (std::string caches = fromEnvironment("XDG_CACHE_HOME"); !caches.empty())
    return caches + "/huggingface/hub";
  if (std::string home = fromEnvironment("HOME"); !home.empty())
    return home + "/.cache/huggingface/hub";
  return "";
}

Expected<std::string> locateModel(const std::string &model) {
  if (fs::is_directory(model) && !fs::exists(model + "/config.json") && fs::exists(model + "/snapshots")) {
    Expected<std::string> snapshot = mainSnapshot(model);
    return snapshot ? modelIn(*snapshot, model) : std::move(snapshot);
  }
  std::error_code error = fs::access(model, fs::AccessMode::Exist);
  if (error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return model; // whoever opens it says what else is wrong
  llvm::SmallVector<StringRef> parts;
  StringRef(model).split(parts, '/');
  if (parts.size() < 2 || !llvm::all_of(parts, isName))
    return failed("there is no checkpoint or compiled model '" + Twine(model) + "'");
  return locateInCache(model, parts);
}

StringRef repositoryOfSnapshot(StringRef path) {
  StringRef snapshots = path::parent_path(path), repository = path::parent_path(snapshots);
  StringRef name = path::filename(repository);
  if (path::filename(snapshots) != "snapshots" || !name.consume_front(kFolderPrefix))
    return "";
  return name.rsplit("--").second.empty() ? name : name.rsplit("--").second;
}

} // namespace gemmac
