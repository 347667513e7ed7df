//===- TargetsCommand.cpp - gemmac targets and gemmac version -------------------------------------------===//

#include "compiler/package/Version.h"
#include "runtime/include/gemmac/gemmac.h"
#include "targets/Devices.h"
#include "tools/gemmac/Commands.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace gemmac {
namespace {

void printTargets(bool json) {
  const Target *host = findTarget("host");
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Target &target : allTargets()) {
    bool isHost = host && host->name == target.name;
    if (json)
      rows.push_back({{"name", target.name},
                      {"description", target.description},
                      {"triple", target.triple},
                      {"needs", target.requires_},
                      {"scheme", nameOf(target.scheme)},
                      {"host", isHost}});
    else
      std::printf("%-26s%s%s\n", target.name.c_str(), target.description.c_str(), isHost ? " (host)" : "");
  }
  if (json)
    std::printf("%s\n", rows.dump(2).c_str());
}

} // namespace

void addTargets(CLI::App &app, int &code) {
  auto json = std::make_shared<bool>(false);
  CLI::App *command = app.add_subcommand("targets", "List the devices that code can be made for");
  command->add_flag("--json", *json, "as JSON");
  command->callback([json, &code] {
    printTargets(*json);
    code = kDone;
  });
}

void addVersion(CLI::App &app, int &code) {
  CLI::App *command = app.add_subcommand("version", "Print the version");
  command->callback([&code] {
    std::printf("gemmac %s (model version %u, API version %u)\n", compilerVersion(), GEMMAC_MODEL_VERSION,
                GEMMAC_API_VERSION);
    code = kDone;
  });
}

} // namespace gemmac
