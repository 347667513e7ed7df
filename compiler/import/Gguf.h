//===- Gguf.h - checkpoints in the format of llama.cpp --------------------------------------------------===//
// A file is a header, metadata (key → typed value), a list of tensors (name, shape, type, offset) and their
// data. A large checkpoint may be split into parts, `name-00001-of-0000N.gguf`, of which the first holds the
// metadata. Nothing in a file is trusted: every count, length, type and offset is checked against what the
// file holds before it is used.

#ifndef GEMMAC_COMPILER_IMPORT_GGUF_H
#define GEMMAC_COMPILER_IMPORT_GGUF_H

#include "compiler/import/GgufPart.h"
#include "compiler/import/MappedFile.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace gemmac {

/// The files of the checkpoint that is opened by `path`: itself, followed by the other parts if its name is
/// that of the first part of a split checkpoint.
std::vector<std::string> ggufParts(const std::string &path);

/// The metadata and the tensors of a checkpoint, mapped. Tensor names are as in the file, shapes are slowest
/// axis first (row-major), schemes are the types' names in lower case: "q4_0", "q6_k", "bf16".
class GgufFile final : public WeightSource {
public:
  /// Opens a file, and with the first part of a split checkpoint all of its parts.
  static llvm::Expected<std::unique_ptr<GgufFile>> open(const std::string &path);

  const std::string &path() const { return path_; }
  std::vector<std::string_view> keys() const;
  bool has(std::string_view key) const { return metadata.contains(key); }
  bool isArray(std::string_view key) const;

  // The value of a key; nothing if the file does not have it, an error if it is of another type. An integer
  // may have any width and a number may be an integer. Views live as long as the file.
  template <typename T>
  using Maybe = llvm::Expected<std::optional<T>>;
  Maybe<std::string_view> string(std::string_view key) const;
  Maybe<int64_t> integer(std::string_view key) const;
  Maybe<double> number(std::string_view key) const;
  Maybe<bool> boolean(std::string_view key) const;
  Maybe<std::vector<std::string_view>> strings(std::string_view key) const;
  Maybe<std::vector<int64_t>> integers(std::string_view key) const;
  Maybe<std::vector<double>> numbers(std::string_view key) const;
  Maybe<std::vector<bool>> booleans(std::string_view key) const;

  /// An error about a key: the message names the file, then the key.
  llvm::Error keyError(std::string_view key, const llvm::Twine &what) const;

  const SourceTensor *find(std::string_view name) const override;
  std::vector<std::string> names() const override;
  std::string fileOf(std::string_view name) const override;
  bool choosesSchemes() const override { return true; }
  void release(std::string_view name, std::span<const uint8_t> bytes) const override;

private:
  struct Part {
    std::string file; ///< its name without directory
    MappedFile mapping;
  };
  struct Place {
    SourceTensor tensor;
    size_t part;
  };

  explicit GgufFile(std::string path) : path_(std::move(path)) {}
  llvm::Expected<GgufMetadata> addPart(const std::string &path);
  llvm::Error addOtherParts();
  llvm::Error checkPartNumber(const GgufMetadata &part, const std::string &path, int64_t number,
                              int64_t count) const;
  template <typename T, typename Read>
  Maybe<T> one(std::string_view key, const char *wanted, Read read) const;
  template <typename T, typename Read>
  Maybe<std::vector<T>> all(std::string_view key, const char *wanted, Read read) const;

  std::string path_;
  std::vector<Part> parts; ///< mapped bytes do not move when the vector grows
  GgufMetadata metadata;
  std::map<std::string, Place, std::less<>> tensors; ///< ordered, so that names() is deterministic
};

} // namespace gemmac

#endif
