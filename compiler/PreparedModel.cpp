//===- PreparedModel.cpp - a model that can run at once, whatever the user has --------------------------===//

#include "compiler/PreparedModel.h"

#include "compiler/import/Adapter.h"
#include "compiler/import/Checkpoint.h"
#include "compiler/import/Gguf.h"
#include "compiler/import/HubCache.h"
#include "compiler/package/PackageFile.h"
#include "compiler/package/StaticLibrary.h"
#include "compiler/package/Units.h"
#include "compiler/package/Version.h"
#include "targets/Backends.h"
#include "targets/Devices.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <algorithm>
#include <chrono>
#include <thread>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gemmac {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

std::string cacheDirectory() {
  if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache && *cache)
    return std::string(cache) + "/gemmac";
  if (const char *home = std::getenv("HOME"); home && *home)
    return std::string(home) + "/.cache/gemmac";
  return "";
}

std::string weightsOf(const std::string &model) {
  if (!fs::is_directory(model))
    return llvm::StringRef(model).ends_with(".weights") ? model : "";
  if (!fs::exists(model + "/manifest.json"))
    return "";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator file(model, error), end; file != end && !error; file.increment(error))
    if (llvm::StringRef(file->path()).ends_with(".weights"))
      found.push_back(file->path());
  return found.size() == 1 ? found.front() : "";
}

namespace {

/// One preparation. Every step that fails has reported why.
class Preparation {
public:
  Preparation(const ModelRequest &request, const Report &report) : request(request), report(report) {}

  llvm::FailureOr<PreparedModel> run();

private:
  llvm::LogicalResult compileIntoCache();
  llvm::LogicalResult useCached(const ModelCache &cache, const std::string &name, CompileOptions &options);
  llvm::LogicalResult compileCached(const ModelCache &cache, const std::string &name,
                                    const CompileOptions &options, ModelLock &alone);
  /// Before a compilation whose files will take so many bytes.
  void makeRoom(const ModelCache &cache, const std::string &name, uint64_t bytes);
  llvm::LogicalResult checkAgainstRequest(const format::Metadata &metadata);
  llvm::LogicalResult findCommand(const format::Metadata &metadata);

  void remark(const llvm::Twine &text) { report({Diagnostic::Severity::remark, "", text.str()}); }
  llvm::LogicalResult fail(const llvm::Twine &text) {
    report({Diagnostic::Severity::error, "", text.str()});
    return llvm::failure();
  }

  ModelRequest request;
  const Report &report;
  PreparedModel prepared;
};

/// A line with the file's size and times: it changes when the file does.
std::string identityOf(const std::string &file) {
  fs::file_status status;
  if (fs::status(file, status))
    return file + "\n";
  return file + " " + std::to_string(status.getSize()) + " " +
         std::to_string(status.getLastModificationTime().time_since_epoch().count()) + "\n";
}

/// Of a checkpoint's files, without reading them.
std::string identityOfDirectory(const std::string &directory) {
  std::vector<std::string> lines;
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; file != end && !error; file.increment(error))
    lines.push_back(identityOf(file->path()));
  std::sort(lines.begin(), lines.end());
  return llvm::join(lines, "");
}

llvm::LogicalResult Preparation::compileIntoCache() {
  CompileOptions options = compileOptionsOf(request);
  options.emit = "exe";
  const Target *target = findTarget(options.target);
  if (!target)
    return fail("there is no target '" + options.target + "'; there are " + targetNames());

  llvm::Expected<ModelCache> cache = ModelCache::ofUser();
  if (!cache)
    return fail(llvm::toString(cache.takeError()));
  llvm::SmallString<256> absolute(request.model);
  fs::make_absolute(absolute);
  path::remove_dots(absolute, /*remove_dot_dot=*/true);
  std::string identity = identityOfDirectory(absolute.str().str());
  for (const std::string &file : ggufParts(absolute.str().str()))
    identity += identityOf(file);
  for (const std::string &adapter : request.lora)
    identity += adapter + "\n" + identityOfDirectory(adapterDirectory(adapter));
  identity += identityOf(fs::getMainExecutable(nullptr, nullptr));
  if (llvm::Expected<RuntimeFiles> runtime = RuntimeFiles::find(*target))
    identity += identityOf(runtime->library) + identityOf(runtime->program);
  else
    return fail(llvm::toString(runtime.takeError()));
  identity += target->name + " " + options.scheme + " " + options.cacheScheme + " " +
              std::to_string(options.context) + " " + std::to_string(options.maxTokens) + " " +
              compilerVersion();
  uint64_t key = XXH3_64bits(identity.data(), identity.size());
  return useCached(*cache, identifierOf(request.model) + "-" + llvm::utohexstr(key, /*LowerCase=*/true, 16),
                   options);
}

llvm::LogicalResult Preparation::useCached(const ModelCache &cache, const std::string &name,
                                           CompileOptions &options) {
  options.output = cache.pathOf(name);
  options.beforeWriting = [&](uint64_t bytes) { makeRoom(cache, name, bytes); };
  bool said = false;
  auto waiting = [&] {
    if (!std::exchange(said, true))
      remark("waits for another process that makes or removes '" + options.output + "'");
  };
  while (true) {
    llvm::Expected<ModelLock> shared = cache.lockShared(name, waiting);
    prepared.weights = weightsOf(options.output);
    if (!prepared.weights.empty()) {
      cache.touch(name);
      if (shared)
        prepared.lock = std::make_shared<ModelLock>(std::move(*shared));
      else
        llvm::consumeError(shared.takeError()); // of a cache that may only be read
      return llvm::success();
    }
    if (!shared)
      return fail(llvm::toString(shared.takeError()));
    shared->giveBack();
    // Who gets it makes the model; the others come back, and wait until it is there.
    std::optional<ModelLock> alone = cache.tryAlone(name);
    if (!alone)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    else if (weightsOf(options.output).empty() && failed(compileCached(cache, name, options, *alone)))
      return llvm::failure();
  }
}

llvm::LogicalResult Preparation::compileCached(const ModelCache &cache, const std::string &name,
                                               const CompileOptions &options, ModelLock &alone) {
  fs::remove_directories(options.output); // what a process left that was killed
  if (succeeded(compile(options, report)))
    return weightsOf(options.output).empty()
               ? fail("'" + options.output + "' has not become a compiled model")
               : llvm::success();
  alone.giveBack();
  llvm::consumeError(cache.remove(name)); // what there is of it: its lock, unless another takes it now
  return llvm::failure();
}

void Preparation::makeRoom(const ModelCache &cache, const std::string &name, uint64_t bytes) {
  for (const CachedModel &model : cache.keepLimit(bytes, name))
    remark("removed " + model.name + ", " + bytesText(model.bytes) + ": all compiled models may take " +
           bytesText(cache.limit()) + " (`gemmac cache limit`)");
  std::string free;
  if (llvm::ErrorOr<fs::space_info> space = fs::disk_space(cacheDirectory()))
    free = ", of " + bytesText(space->available) + " that are free";
  remark("compiling into '" + cache.pathOf(name) + "': about " + bytesText(bytes) + " of disk" + free);
}

llvm::LogicalResult Preparation::checkAgainstRequest(const format::Metadata &metadata) {
  auto differs = [&](const char *what, const std::string &asked,
                     const std::string &has) -> llvm::LogicalResult {
    if (asked.empty() || asked == has)
      return llvm::success();
    return fail("'" + request.model + "' was compiled with " + what + " " + has + ", not " + asked +
                "; compile the checkpoint again, or leave the option out");
  };
  if (!request.lora.empty())
    return fail("'" + request.model + "' is compiled already: adapters are merged into a checkpoint");
  auto number = [](int64_t value) { return value ? std::to_string(value) : ""; };
  std::string target = request.target;
  if (target == "host")
    if (const Target *host = findTarget(target))
      target = host->name;
  const format::Quantization &quantization = *metadata.quantization();
  return llvm::success(
      succeeded(differs("target", target, metadata.target()->str())) &&
      succeeded(differs("scheme", request.scheme, quantization.weights()->str())) &&
      succeeded(differs("cache scheme", request.cacheScheme, quantization.cache()->str())) &&
      succeeded(differs("context", number(request.context), std::to_string(metadata.context()))) &&
      succeeded(differs("tokens a call", number(request.maxTokens), std::to_string(metadata.max_tokens()))));
}

llvm::LogicalResult Preparation::findCommand(const format::Metadata &metadata) {
  llvm::SmallString<256> program(prepared.weights);
  path::replace_extension(program, "");
  if (!fs::can_execute(program))
    return fail("there is no program '" + program.str() + "' beside the weights: compile with --emit=exe");
  const Target *target = findTarget(metadata.target()->str());
  LinkRecipe recipe = target ? backendOf(*target).linkRecipe(*target) : LinkRecipe();
  if (!recipe.emulator.empty()) {
    llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(recipe.emulator);
    if (!found)
      return fail("'" + program.str() + "' is made for " + target->name +
                  ", which this machine is not; install " + recipe.emulator + " (package " +
                  recipe.emulatorPackage + ") to run it here");
    prepared.command.push_back(*found);
  }
  prepared.command.push_back(program.str().str());
  return llvm::success();
}

llvm::FailureOr<PreparedModel> Preparation::run() {
  llvm::Expected<std::string> located = locateModel(request.model);
  if (!located)
    return fail(llvm::toString(located.takeError()));
  request.model = std::move(*located);
  prepared.weights = weightsOf(request.model);
  bool compiled = !prepared.weights.empty();
  if (!compiled && failed(compileIntoCache()))
    return llvm::failure();
  llvm::Expected<PackageFile> package = PackageFile::open(prepared.weights);
  if (!package)
    return fail(llvm::toString(package.takeError()));
  if (compiled && failed(checkAgainstRequest(package->metadata())))
    return llvm::failure();
  if (failed(findCommand(package->metadata())))
    return llvm::failure();
  return prepared;
}

} // namespace

CompileOptions compileOptionsOf(const ModelRequest &request) {
  CompileOptions options;
  options.checkpoint = request.model;
  options.lora = request.lora;
  options.scheme = request.scheme;
  options.cacheScheme = request.cacheScheme;
  options.context = request.context;
  options.maxTokens = request.maxTokens;
  options.threads = request.threads;
  options.progress = request.progress;
  if (!request.target.empty())
    options.target = request.target;
  return options;
}

llvm::FailureOr<PreparedModel> prepareModel(const ModelRequest &request, const Report &report) {
  return Preparation(request, report).run();
}

} // namespace gemmac
