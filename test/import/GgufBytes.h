//===- GgufBytes.h - a GGUF file that a test writes itself ----------------------------------------------===//

#ifndef GEMMAC_TEST_IMPORT_GGUFBYTES_H
#define GEMMAC_TEST_IMPORT_GGUFBYTES_H

#include "compiler/import/GgufPart.h"
#include <cstring>

namespace gemmac {

using Type = GgufValue::Type;

/// Types of tensors, by their numbers in files.
constexpr uint32_t kF32 = 0, kQ8 = 8;

inline std::string zeros(size_t count) {
  return std::string(count, '\0');
}

/// The bytes of a file, right or wrong: every number can be said in full.
class GgufBytes {
public:
  uint32_t version = 3;
  uint64_t alignment = 32; ///< of where the numbers begin; files say it under general.alignment
  int64_t moreKeys = 0;    ///< that the header counts, but nobody wrote
  int64_t moreTensors = 0;

  template <typename T>
  GgufBytes &key(std::string_view name, Type type, T value) {
    string(metadata, name);
    number(metadata, uint32_t(type));
    number(metadata, value);
    ++keys;
    return *this;
  }
  GgufBytes &key(std::string_view name, std::string_view value) {
    string(metadata, name);
    number(metadata, uint32_t(Type::string));
    string(metadata, value);
    ++keys;
    return *this;
  }
  template <typename T>
  GgufBytes &list(std::string_view name, Type element, const std::vector<T> &values) {
    startList(name, element, values.size());
    for (const T &value : values)
      number(metadata, value);
    return *this;
  }
  GgufBytes &list(std::string_view name, const std::vector<std::string> &values) {
    startList(name, Type::string, values.size());
    for (const std::string &value : values)
      string(metadata, value);
    return *this;
  }
  /// The head of a list; what follows it is up to the caller.
  GgufBytes &startList(std::string_view name, Type element, uint64_t count) {
    string(metadata, name);
    number(metadata, uint32_t(Type::array));
    number(metadata, uint32_t(element));
    number(metadata, count);
    ++keys;
    return *this;
  }

  /// A tensor behind the ones before it. `sizes` as files list them, the fastest axis first.
  GgufBytes &tensor(std::string_view name, const std::vector<uint64_t> &sizes, uint32_t type,
                    const std::string &bytes) {
    numbers.resize((numbers.size() + alignment - 1) / alignment * alignment);
    describe(name, sizes, type, numbers.size());
    numbers += bytes;
    return *this;
  }
  /// The entry of a tensor alone.
  GgufBytes &describe(std::string_view name, const std::vector<uint64_t> &sizes, uint32_t type,
                      uint64_t offset) {
    string(entries, name);
    number(entries, uint32_t(sizes.size()));
    for (uint64_t size : sizes)
      number(entries, size);
    number(entries, type);
    number(entries, offset);
    ++tensors;
    return *this;
  }

  std::string header() const {
    std::string bytes = "GGUF";
    number(bytes, version);
    number(bytes, uint64_t(tensors + moreTensors));
    number(bytes, uint64_t(keys + moreKeys));
    return bytes + metadata + entries;
  }
  std::string bytes() const {
    std::string bytes = header();
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    return bytes + numbers;
  }

  template <typename T>
  static void number(std::string &bytes, T value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  static void string(std::string &bytes, std::string_view text) {
    number(bytes, uint64_t(text.size()));
    bytes += text;
  }

private:
  int64_t keys = 0, tensors = 0;
  std::string metadata, entries, numbers;
};

} // namespace gemmac

#endif
