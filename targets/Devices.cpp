//===- Devices.cpp - the table of target machines -------------------------------------------------------===//

#include "targets/Devices.h"
#include "targets/arm/Devices.h"
#include "targets/x86/Devices.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>
#include <optional>
#include <thread>

namespace gemmac {

const std::vector<Target> &allTargets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> rows = x86::devices();
    rows.insert(rows.end(), arm::devices().begin(), arm::devices().end());
    return rows;
  }();
  return all;
}

static std::optional<Target> detectHost() {
  llvm::Triple triple(llvm::sys::getProcessTriple());
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  llvm::StringRef cpu = llvm::sys::getHostCPUName();
  std::optional<Target> best;
  for (const Target &row : allTargets()) {
    bool runs =
        llvm::Triple(row.triple).getArch() == triple.getArch() &&
        std::ranges::all_of(row.requires_, [&](const std::string &name) { return features.lookup(name); });
    if (runs && (!row.board || row.cpu == cpu))
      best = row;
  }
  if (best)
    best->cores = int(std::max(1u, std::thread::hardware_concurrency()));
  return best;
}

const Target *findTarget(std::string_view name) {
  if (name == "host") {
    static const std::optional<Target> host = detectHost();
    return host ? &*host : nullptr;
  }
  for (const Target &row : allTargets())
    if (row.name == name)
      return &row;
  return nullptr;
}

std::string targetNames() {
  std::string names;
  for (const Target &row : allTargets())
    names += row.name + ", ";
  return names + "host";
}

} // namespace gemmac
