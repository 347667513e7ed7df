//===- CompiledKernels.h - the object files of the kernels that a plan calls ----------------------------===//

#ifndef GEMMAC_COMPILER_COMPILEDKERNELS_H
#define GEMMAC_COMPILER_COMPILEDKERNELS_H

#include "compiler/package/ModelFacts.h"
#include "compiler/package/StaticLibrary.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"

namespace gemmac {

struct CompiledKernels {
  std::vector<KernelFacts> facts;
  std::vector<ObjectFile> objects; ///< in the same order
};

/// Compiles kernels for a device in all threads, or takes them from `cache`, a directory (empty: none).
/// `progress` is called by one thread at a time.
llvm::Expected<CompiledKernels> compileKernels(llvm::ArrayRef<KernelSpec> specs, const Target &target,
                                               const std::string &cache, llvm::DefaultThreadPool &threads,
                                               llvm::function_ref<void(int64_t done, int64_t all)> progress);

} // namespace gemmac

#endif
