//===- CacheCommand.cpp - gemmac cache ------------------------------------------------------------------===//

#include "compiler/ModelCache.h"
#include "compiler/package/Units.h"
#include "tools/gemmac/Commands.h"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

namespace gemmac {
namespace {

std::string timeText(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm local{};
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M", localtime_r(&time, &local));
  return text;
}

const char *stateOf(const CachedModel &model) {
  return model.inUse ? "in use" : model.isComplete ? "" : "incomplete";
}

uint64_t bytesOf(const std::vector<CachedModel> &models) {
  uint64_t bytes = 0;
  for (const CachedModel &model : models)
    bytes += model.bytes;
  return bytes;
}

void printJson(const ModelCache &cache, const std::vector<CachedModel> &models) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CachedModel &model : models)
    rows.push_back({{"name", model.name},
                    {"path", cache.pathOf(model.name)},
                    {"bytes", model.bytes},
                    {"last_use", model.lastUse},
                    {"in_use", model.inUse},
                    {"complete", model.isComplete}});
  const uint64_t limit = cache.limit();
  nlohmann::ordered_json text = {{"models", rows}, {"bytes", bytesOf(models)}, {"limit", nullptr}};
  if (limit != ModelCache::kNoLimit)
    text["limit"] = limit;
  std::printf("%s\n", text.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

std::string limitText(const ModelCache &cache) {
  const uint64_t limit = cache.limit();
  return limit == ModelCache::kNoLimit ? "none" : bytesText(limit);
}

void print(const ModelCache &cache, bool json) {
  const std::vector<CachedModel> models = cache.models();
  if (json)
    return printJson(cache, models);
  for (const CachedModel &model : models)
    std::printf("%-56s %9s  %s%s%s\n", model.name.c_str(), bytesText(model.bytes).c_str(),
                timeText(model.lastUse).c_str(), *stateOf(model) ? "  " : "", stateOf(model));
  std::printf("%zu model%s, %s; limit %s; in '%s'\n", models.size(), models.size() == 1 ? "" : "s",
              bytesText(bytesOf(models)).c_str(), limitText(cache).c_str(), cache.pathOf("").c_str());
}

void printRemoved(const std::vector<CachedModel> &removed) {
  for (const CachedModel &model : removed)
    std::printf("removed %s, %s\n", model.name.c_str(), bytesText(model.bytes).c_str());
}

/// All, or those that are named; what somebody uses stays, with a word about it.
int clear(const ModelCache &cache, const std::vector<std::string> &names) {
  const std::vector<CachedModel> models = cache.models();
  auto isThere = [&](const std::string &name) {
    return std::any_of(models.begin(), models.end(), [&](const auto &model) { return model.name == name; });
  };
  for (const std::string &name : names)
    if (!isThere(name))
      return complain("there is no compiled model '" + name + "': `gemmac cache list` names them");
  int code = kDone;
  for (const CachedModel &model : models) {
    if (!names.empty() && std::find(names.begin(), names.end(), model.name) == names.end())
      continue;
    if (llvm::Error error = cache.remove(model.name))
      code = complain(llvm::toString(std::move(error)));
    else
      printRemoved({model});
  }
  cache.removeLostLocks();
  return code;
}

int setLimit(ModelCache &cache, const std::string &text) {
  std::optional<uint64_t> bytes = text == "none" ? ModelCache::kNoLimit : parseBytes(text);
  if (!bytes) {
    complain("'" + text + "' is no size: write 20GB, 300000000 or none");
    return kUsage;
  }
  if (llvm::Error error = cache.setLimit(*bytes))
    return complain(llvm::toString(std::move(error)));
  printRemoved(cache.keepLimit(0));
  return kDone;
}

/// Runs `work` with the user's cache.
template <typename Work>
int withCache(Work work) {
  llvm::Expected<ModelCache> cache = ModelCache::ofUser();
  if (!cache)
    return complain(llvm::toString(cache.takeError()));
  return work(*cache);
}

} // namespace

void addCache(CLI::App &app, int &code) {
  CLI::App *command =
      app.add_subcommand("cache", "The compiled models that run, logits and bench keep: list, clear, limit");
  command->require_subcommand(1);

  auto json = std::make_shared<bool>(false);
  CLI::App *list = command->add_subcommand("list", "Name, size and last use of each, the oldest first");
  list->add_flag("--json", *json, "as JSON");
  list->callback([json, &code] {
    code = withCache([&](ModelCache &cache) {
      print(cache, *json);
      return kDone;
    });
  });

  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App *clearing =
      command->add_subcommand("clear", "Remove all that nobody uses, or those that are named");
  clearing->add_option("NAME", *names, "as `gemmac cache list` says");
  clearing->callback(
      [names, &code] { code = withCache([&](ModelCache &cache) { return clear(cache, *names); }); });

  auto size = std::make_shared<std::string>();
  CLI::App *limit = command->add_subcommand(
      "limit", "Print what all may take on the disk, or set it: what was not used for longest goes first");
  limit->add_option("SIZE", *size, "20GB, or none");
  limit->callback([size, &code] {
    code = withCache([&](ModelCache &cache) {
      if (!size->empty())
        return setLimit(cache, *size);
      std::printf("%s\n", limitText(cache).c_str());
      return static_cast<int>(kDone);
    });
  });
}

} // namespace gemmac
