//===- Backends.cpp - how code comes to be for a target -------------------------------------------------===//

#include "targets/Backends.h"
#include "contract/KernelFamily.h"
#include "targets/emit/Emit.h"
#include "targets/kernels/Kernel.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

namespace gemmac {

/// Linux on x86-64 or ARM. A program for another architecture is linked statically, so that an emulator needs
/// no C library of that architecture here.
static LinkRecipe linuxRecipe(const Target &target) {
  llvm::Triple triple(target.triple), host(llvm::sys::getProcessTriple());
  std::string architecture = triple.getArchName().str(), cross = architecture + "-linux-gnu-gcc";
  std::vector<std::string> flags = {"-pthread",           "-lm", "-Wl,--gc-sections", "-Wl,--build-id=none",
                                    "-Wl,-z,noexecstack", "-s"};
  if (triple.getArch() == host.getArch())
    return {architecture + "-linux-gnu", {"cc", "gcc", "clang", cross}, "gcc", flags, ""};
  flags.insert(flags.begin(), "-static");
  return {architecture + "-linux-gnu", {cross},    "gcc-" + architecture + "-linux-gnu", flags,
          "qemu-" + architecture,      "qemu-user"};
}

static const std::vector<Backend> &allBackends() {
  static const std::vector<Backend> all = {
      {.name = "cpu",
       .makers = {&halideMaker()},
       .driver = {lowerPlanToLLVM, emitLLVM, emitObject},
       .linkRecipe = linuxRecipe},
  };
  return all;
}

const Backend &backendOf(const Target &target) {
  for (const Backend &backend : allBackends())
    if (backend.name == target.backend)
      return backend;
  llvm_unreachable("every row of Devices.cpp names a backend of this table");
}

const KernelMaker *Backend::makerOf(const KernelSpec &spec, const Target &target) const {
  for (const KernelMaker *maker : makers)
    if (maker->makes(spec, target))
      return maker;
  return nullptr;
}

std::string Backend::makersText() const {
  std::string text;
  for (const KernelMaker *maker : makers)
    text += std::string(maker->name()) + " " + maker->version() + "\n";
  return text;
}

MadeKernel Backend::make(const KernelSpec &spec, const Target &target, const KernelCache &cache) const {
  std::string what = "kernel " + spec.text() + " for " + target.name;
  if (!findFamily(spec.family))
    return {{}, what + ": there is no family of kernels '" + spec.family + "'"};
  std::string problem = problemWithConstants(spec);
  if (problem.empty())
    problem = problemWithSchedule(spec, target);
  if (!problem.empty())
    return {{}, what + ": " + problem};
  const KernelMaker *maker = makerOf(spec, target);
  if (!maker)
    return {{}, what + ": no maker of backend '" + std::string(name) + "' makes it"};
  std::string identity =
      spec.text() + " " + textOf(target) + " " + std::string(maker->name()) + " " + maker->version();
  if (std::optional<Artifact> found = cache.find(spec.symbol(), identity))
    return {std::move(*found)};
  MadeKernel made = maker->make(spec, target);
  if (made.error.empty())
    cache.store(made.artifact, identity);
  else
    made.error = what + " by " + std::string(maker->name()) + ": " + made.error;
  return made;
}

} // namespace gemmac
