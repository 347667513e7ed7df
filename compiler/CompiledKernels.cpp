//===- CompiledKernels.cpp - the object files of the kernels that a plan calls --------------------------===//

#include "compiler/CompiledKernels.h"

#include "compiler/package/OutputFile.h"
#include "targets/Backends.h"
#include "llvm/ADT/STLExtras.h"

#include <mutex>

namespace gemmac {

llvm::Expected<CompiledKernels> compileKernels(llvm::ArrayRef<KernelSpec> specs, const Target &target,
                                               const std::string &cache, llvm::DefaultThreadPool &threads,
                                               llvm::function_ref<void(int64_t done, int64_t all)> progress) {
  const Backend &backend = backendOf(target);
  KernelCache kept(cache);
  std::vector<MadeKernel> made(specs.size());
  std::mutex mutex;
  int64_t done = 0, all = static_cast<int64_t>(specs.size());
  for (size_t i = 0; i < specs.size(); ++i)
    threads.async([&, i] {
      made[i] = backend.make(specs[i], target, kept);
      std::lock_guard lock(mutex);
      progress(++done, all);
    });
  threads.wait();
  CompiledKernels kernels;
  for (auto [spec, kernel] : llvm::zip_equal(specs, made)) {
    if (!kernel.error.empty())
      return makeError(kernel.error);
    Artifact &artifact = kernel.artifact;
    if (artifact.kind != ArtifactKind::object)
      return makeError("kernel " + artifact.symbol + " is " + llvm::StringRef(nameOf(artifact.kind)) +
                       ", which is not linked");
    kernels.facts.push_back({spec, static_cast<int64_t>(artifact.bytes.size())});
    kernels.objects.push_back({artifact.symbol + ".o", std::move(artifact.bytes)});
  }
  return kernels;
}

} // namespace gemmac
