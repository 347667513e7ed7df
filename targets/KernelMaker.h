//===- KernelMaker.h - who makes kernels, and what is made ----------------------------------------------===//

#ifndef GEMMAC_TARGETS_KERNELMAKER_H
#define GEMMAC_TARGETS_KERNELMAKER_H

#include "contract/KernelSpec.h"
#include "contract/Target.h"

#include <cassert>
#include <string>
#include <string_view>

namespace gemmac {

/// What can be done with an artifact.
enum class ArtifactKind : uint8_t {
  object,     ///< an object file: it is linked
  deviceCode, ///< code that a driver of a device loads
  source      ///< text that is compiled elsewhere
};

inline std::string_view nameOf(ArtifactKind kind) {
  switch (kind) {
  case ArtifactKind::object:
    return "object";
  case ArtifactKind::deviceCode:
    return "device code";
  case ArtifactKind::source:
    return "source";
  }
  assert(false && "all kinds are listed");
  return "";
}

struct Artifact {
  ArtifactKind kind = ArtifactKind::object;
  std::string symbol; ///< that it defines; an object defines no other global
  std::string bytes;
};

struct MadeKernel {
  Artifact artifact;
  std::string error = {}; ///< not empty if it could not be made: one sentence
};

/// Makes kernels that are called as targets/kernels/Kernel.h says. All functions are thread safe.
class KernelMaker {
public:
  virtual ~KernelMaker() = default;

  /// As messages and caches have it: "halide".
  virtual std::string_view name() const = 0;

  /// What decides the bytes besides the specification and the target: of the maker's kernels and of what it
  /// makes them with. "Halide 21.0.0 kernels 12".
  virtual std::string version() const = 0;

  virtual bool makes(const KernelSpec &spec, const Target &target) const = 0;

  /// The kernel that `spec.symbol()` names, of a specification that it makes.
  virtual MadeKernel make(const KernelSpec &spec, const Target &target) const = 0;
};

} // namespace gemmac

#endif
