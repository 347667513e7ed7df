//===- StaticLibrary.h - object files in one archive, and linked to a program ---------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_STATICLIBRARY_H
#define GEMMAC_COMPILER_PACKAGE_STATICLIBRARY_H

#include "targets/Devices.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace gemmac {

/// An object file in memory.
struct ObjectFile {
  std::string name; ///< "gemma_4_e2b.o"
  std::string bytes;
};

/// The runtime, built for one architecture.
struct RuntimeFiles {
  std::string library; ///< libgemmac_runtime.a
  std::string program; ///< libgemmac_program.a: main() of an emitted program

  /// In `lib/<triple>` beside the folder of the running program, or in `directory` if that is not empty.
  static llvm::Expected<RuntimeFiles> find(const Target &target, const std::string &directory = "");
};

/// The bytes of an archive with all objects and all members of `archives`, with no time, user or path in it.
llvm::Expected<std::string> staticLibrary(const std::vector<ObjectFile> &objects,
                                          const std::vector<std::string> &archives);

/// The bytes of a program; the first object defines `gemmac_program_model`. A library needs no external tool;
/// a program is linked by a C compiler.
llvm::Expected<std::string> linkProgram(const std::vector<ObjectFile> &objects, const RuntimeFiles &runtime,
                                        const Target &target);

} // namespace gemmac

#endif
