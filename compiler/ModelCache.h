//===- ModelCache.h - the compiled models that tools keep -----------------------------------------------===//
//
// cacheDirectory() holds
//   models/NAME-HASH/   a compiled model: what `gemmac compile` writes
//   used/NAME-HASH      its lock, whose time is when it was last used
//   limit               the most bytes that all models may take, as a decimal number; absent: kDefaultLimit
//
// Who uses a model holds its lock shared, who makes or removes it alone: processes that want the same model
// at the same time compile it once, and a model that a program runs is not removed.

#ifndef GEMMAC_COMPILER_MODELCACHE_H
#define GEMMAC_COMPILER_MODELCACHE_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gemmac {

struct CachedModel {
  std::string name; ///< of its folder
  uint64_t bytes = 0;
  int64_t lastUse = 0;     ///< seconds since 1970
  bool inUse = false;      ///< by a program that runs, or a compilation
  bool isComplete = false; ///< no: a compilation did not end well
};

/// A lock of one model, given back when this is destroyed, or by the system when the process ends. Where the
/// file system has no locks it does nothing.
class ModelLock {
public:
  ModelLock(ModelLock &&other) : descriptor(std::exchange(other.descriptor, -1)) {}
  ModelLock &operator=(ModelLock &&) = delete;
  ~ModelLock() { giveBack(); }

  void giveBack();
  /// A program that replaces this process goes on to hold it.
  void keepOverExec();

private:
  friend class ModelCache;
  explicit ModelLock(int descriptor) : descriptor(descriptor) {}
  int descriptor;
};

/// Not thread safe; any number of processes may use one cache.
class ModelCache {
public:
  /// Room for some large models, or many small ones.
  static constexpr uint64_t kDefaultLimit = 50'000'000'000;
  static constexpr uint64_t kNoLimit = UINT64_MAX;

  /// The user's own; fails without a home.
  static llvm::Expected<ModelCache> ofUser();
  explicit ModelCache(std::string folder) : folder(std::move(folder)) {}

  std::string pathOf(const std::string &name) const { return folder + "/models/" + name; }

  /// The one whose use is longest ago first.
  std::vector<CachedModel> models() const;

  uint64_t limit() const;
  llvm::Error setLimit(uint64_t bytes);

  /// Waits until nobody has the lock alone; `waiting` is called before, if it must.
  llvm::Expected<ModelLock> lockShared(const std::string &name, const std::function<void()> &waiting) const;
  /// Without waiting: nothing if somebody else has it.
  std::optional<ModelLock> tryAlone(const std::string &name) const;
  /// Now is when it was last used.
  void touch(const std::string &name) const;

  /// Removes a model, or says why it stays: somebody uses it, or it may not be removed.
  llvm::Error remove(const std::string &name) const;
  /// Removes locks of models that are not there: their compilation was interrupted.
  void removeLostLocks() const;
  /// Removes what was not used for longest until what stays and `more` bytes fit the limit, or no other is
  /// left that nobody uses. `but` stays. Returns what was removed.
  std::vector<CachedModel> keepLimit(uint64_t more, const std::string &but = "") const;

private:
  std::string lockOf(const std::string &name) const { return folder + "/used/" + name; }
  CachedModel describe(const std::string &path) const;

  std::string folder;
};

} // namespace gemmac

#endif
