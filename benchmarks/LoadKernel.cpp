//===- LoadKernel.cpp - a kernel compiled for this machine and loaded into this process -----------------===//

#include "LoadKernel.h"
#include "runtime/platform/Platform.h"
#include "targets/Backends.h"
#include "targets/Devices.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>

namespace gemmac {

Kernel load(KernelSpec spec) {
  platform::cpuFeature("amx-tile", 8); // a kernel of tiles may run where the process has asked for them
  const Target &host = *findTarget("host");
  if (spec.schedule == Schedule())
    spec.schedule = defaultSchedule(spec, host);
  auto begin = std::chrono::steady_clock::now();
  MadeKernel made = backendOf(host).make(spec, host);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!made.error.empty()) {
    std::fprintf(stderr, "%s\n", made.error.c_str());
    std::exit(1);
  }
  std::string folder = std::filesystem::temp_directory_path() / "gemmac-kernel-XXXXXX";
  if (!mkdtemp(folder.data())) {
    std::perror(folder.c_str());
    std::exit(1);
  }
  std::string base = folder + "/kernel";
  std::ofstream(base + ".o", std::ios::binary) << made.artifact.bytes;
  std::string link = GEMMAC_LLD " -shared -o " + base + ".so " + base + ".o";
  if (std::system(link.c_str()) != 0)
    std::exit(1);
  void *library = dlopen((base + ".so").c_str(), RTLD_NOW);
  std::filesystem::remove_all(folder);
  std::printf("%-52s %4.1f s  ", spec.symbol().c_str(), seconds);
  return {reinterpret_cast<decltype(Kernel::function)>(dlsym(library, spec.symbol().c_str()))};
}

} // namespace gemmac
