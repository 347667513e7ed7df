//===- ConfigFields.h - the keys of a configuration, each read once and checked -------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_CONFIGFIELDS_H
#define GEMMAC_COMPILER_IMPORT_CONFIGFIELDS_H

#include "compiler/import/JsonFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringSet.h"
#include <limits>
#include <optional>
#include <vector>

namespace gemmac {

/// Reads an object key by key. The first thing that is wrong is remembered and everything after it reads as
/// its default, so that a reader is a list of its fields, with one check at the end: `takeError`.
class ConfigFields {
public:
  ConfigFields(std::string file, const nlohmann::json &object) : file(std::move(file)), object(&object) {}

  bool has(llvm::StringRef key) const { return object->contains(key); }
  /// Present and not null.
  bool given(llvm::StringRef key) const;
  bool isList(llvm::StringRef key) const;

  int64_t integer(llvm::StringRef key, std::optional<int64_t> absent, int64_t least, int64_t most);
  /// A list of `count` integers; a single integer is repeated `count` times. Empty after a failure.
  std::vector<int64_t> integers(llvm::StringRef key, int64_t count, int64_t least, int64_t most);
  std::optional<int64_t> integerOrNull(llvm::StringRef key, int64_t least, int64_t most);
  double positive(llvm::StringRef key, std::optional<double> absent);
  std::optional<double> positiveOrNull(llvm::StringRef key);
  double number(llvm::StringRef key, double absent, double least, double most);
  /// Null is the same as absent.
  bool boolean(llvm::StringRef key, bool absent);
  std::string string(llvm::StringRef key, std::optional<std::string> absent);
  /// One id or a list of ids; empty if absent or null.
  std::vector<int32_t> ids(llvm::StringRef key, int64_t vocabulary);
  std::vector<std::string> strings(llvm::StringRef key);
  /// The object under a key; an empty one if absent or null. Its errors are handed back with `absorb`.
  ConfigFields inner(llvm::StringRef key);

  /// A key that is allowed but does not affect what is computed.
  void ignore(llvm::ArrayRef<llvm::StringRef> keys);
  /// Ignores the keys that have not been read yet and of which `idle` holds; their paths, in alphabetical
  /// order.
  std::vector<std::string>
  ignoreIf(llvm::function_ref<bool(llvm::StringRef key, const nlohmann::json &value)> idle);
  /// The keys that have not been read yet, in alphabetical order.
  std::vector<std::string> unread() const;
  /// Every key that was neither read nor ignored is an error.
  void refuseTheRest();

  void fail(llvm::StringRef key, const llvm::Twine &what);
  /// Takes over the first error of a nested object.
  void absorb(const ConfigFields &inner);
  bool failed() const { return !problem.empty(); }
  llvm::Error takeError() const;

private:
  std::string file;
  std::string path; ///< where the object is in the file: "text_config."
  const nlohmann::json *object;
  llvm::StringSet<> read;
  std::string problem;

  const nlohmann::json *take(llvm::StringRef key);
};

} // namespace gemmac

#endif
