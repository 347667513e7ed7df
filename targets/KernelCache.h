//===- KernelCache.h - artifacts in files, by the hash of all that decides them -------------------------===//

#ifndef GEMMAC_TARGETS_KERNELCACHE_H
#define GEMMAC_TARGETS_KERNELCACHE_H

#include "targets/KernelMaker.h"

#include <optional>

namespace gemmac {

/// A folder of artifacts of any kind. Threads and processes may share it: a file appears whole or not at all,
/// and one that was damaged counts as absent. A folder that cannot be written is no error: nothing is kept.
class KernelCache {
public:
  /// Without a folder it holds nothing.
  explicit KernelCache(std::string folder = "") : folder(std::move(folder)) {}

  /// What was stored for the symbol under the same identity: a text of all that decides the bytes.
  std::optional<Artifact> find(const std::string &symbol, const std::string &identity) const;
  void store(const Artifact &artifact, const std::string &identity) const;

private:
  std::string folder;
};

} // namespace gemmac

#endif
