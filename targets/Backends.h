//===- Backends.h - how code comes to be for a target ---------------------------------------------------===//
//
// A target's row names its backend. Here alone it is known who makes kernels, who emits the driver and what
// links them.

#ifndef GEMMAC_TARGETS_BACKENDS_H
#define GEMMAC_TARGETS_BACKENDS_H

#include "targets/KernelCache.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/LogicalResult.h"

#include <vector>

namespace mlir {
class ModuleOp;
}

namespace gemmac {

struct EmitOptions;

/// How a plan becomes a driver (emit/Emit.h).
struct DriverEmitter {
  /// In place; `text` and `emit` take what it leaves.
  llvm::LogicalResult (*lower)(mlir::ModuleOp plan, const Target &target, const EmitOptions &options);
  llvm::Expected<std::string> (*text)(mlir::ModuleOp lowered, const Target &target);
  llvm::Expected<std::string> (*object)(mlir::ModuleOp lowered, const Target &target);
};

/// How objects become a program, and how that runs on this machine.
struct LinkRecipe {
  std::string runtimeFolder;        ///< of the runtime's libraries, below `lib`: "x86_64-linux-gnu"
  std::vector<std::string> linkers; ///< programs that link as C compilers do, best first
  std::string package;              ///< Debian's that has one of them
  std::vector<std::string> flags;   ///< for all of them
  std::string emulator;             ///< that programs run under here; empty: none is needed
  std::string emulatorPackage = {}; ///< Debian's that has it
};

struct Backend {
  std::string_view name;                   ///< the word in a target's row: "cpu"
  std::vector<const KernelMaker *> makers; ///< the first that makes a kernel makes it
  DriverEmitter driver;
  LinkRecipe (*linkRecipe)(const Target &target);

  /// Null if none makes it.
  const KernelMaker *makerOf(const KernelSpec &spec, const Target &target) const;

  /// From the cache if that has it, otherwise made and kept there. Thread safe. An error names the kernel,
  /// the target and the maker.
  MadeKernel make(const KernelSpec &spec, const Target &target,
                  const KernelCache &cache = KernelCache()) const;

  /// Names and versions of all makers: with specifications and target, all that decides the kernels' bytes.
  std::string makersText() const;
};

/// The backend of a target, which has one.
const Backend &backendOf(const Target &target);

} // namespace gemmac

#endif
