//===- Gguf.cpp - checkpoints in the format of llama.cpp ------------------------------------------------===//

#include "compiler/import/Gguf.h"
#include "compiler/import/JsonFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using llvm::Error;
using llvm::Expected;
using llvm::Twine;

namespace gemmac {
namespace {

using Type = GgufValue::Type;

/// Magic, version and two counts.
constexpr uint64_t kHeaderBytes = 24;

template <typename T>
T load(const uint8_t *bytes) {
  return llvm::support::endian::read<T, llvm::endianness::little>(bytes);
}

std::string nameOf(Type type) {
  static const char *const names[] = {"an integer", "an integer", "an integer", "an integer", "an integer",
                                      "an integer", "a number",   "a boolean",  "a string",   "a list",
                                      "an integer", "an integer", "a number"};
  return names[size_t(type)];
}

std::string nameOf(const GgufValue &value) {
  return value.type == Type::array ? "a list of which each is " + nameOf(value.element) : nameOf(value.type);
}

// Readers of one element: nothing if it has another type or is out of range. They advance `bytes` past it.

template <typename To, typename From>
std::optional<To> next(const uint8_t *&bytes) {
  From value = load<From>(bytes);
  bytes += sizeof(From);
  if constexpr (std::is_integral_v<To>)
    if (!std::in_range<To>(value))
      return std::nullopt;
  return static_cast<To>(value);
}

template <typename To>
std::optional<To> nextInteger(Type type, const uint8_t *&bytes) {
  switch (type) {
  case Type::u8:
    return next<To, uint8_t>(bytes);
  case Type::i8:
    return next<To, int8_t>(bytes);
  case Type::u16:
    return next<To, uint16_t>(bytes);
  case Type::i16:
    return next<To, int16_t>(bytes);
  case Type::u32:
    return next<To, uint32_t>(bytes);
  case Type::i32:
    return next<To, int32_t>(bytes);
  case Type::u64:
    return next<To, uint64_t>(bytes);
  case Type::i64:
    return next<To, int64_t>(bytes);
  default:
    return std::nullopt;
  }
}

std::optional<double> nextNumber(Type type, const uint8_t *&bytes) {
  if (type == Type::f32)
    return next<double, float>(bytes);
  if (type == Type::f64)
    return next<double, double>(bytes);
  return nextInteger<double>(type, bytes);
}

std::optional<bool> nextBoolean(Type type, const uint8_t *&bytes) {
  return type == Type::boolean ? std::optional(*bytes++ != 0) : std::nullopt;
}

std::optional<std::string_view> nextString(Type type, const uint8_t *&bytes) {
  if (type != Type::string)
    return std::nullopt;
  auto length = load<uint64_t>(bytes);
  std::string_view text(reinterpret_cast<const char *>(bytes + sizeof(length)), length);
  bytes += sizeof(length) + length;
  return text;
}

const char *const kInteger = "a signed integer of 64 bits";
const char *const kNumber = "a number";
const char *const kBoolean = "a boolean";
const char *const kString = "a string";

// Part numbers have five digits.
constexpr int64_t kMostParts = 99999;

std::string partName(llvm::StringRef stem, int64_t number, int64_t count) {
  return llvm::formatv("{0}-{1:05}-of-{2:05}.gguf", stem, number, count);
}

} // namespace

std::vector<std::string> ggufParts(const std::string &path) {
  std::vector<std::string> parts = {path};
  const size_t length = partName("", 1, 1).size();
  if (path.size() < length)
    return parts;
  llvm::StringRef end = llvm::StringRef(path).take_back(length), digits = end.drop_back(5).take_back(5);
  int64_t count = 0;
  if (digits.getAsInteger(10, count) || end != partName("", 1, count))
    return parts;
  for (int64_t number = 2; number <= count; ++number)
    parts.push_back(partName(llvm::StringRef(path).drop_back(length), number, count));
  return parts;
}

Expected<std::unique_ptr<GgufFile>> GgufFile::open(const std::string &path) {
  std::unique_ptr<GgufFile> file(new GgufFile(path));
  Expected<GgufMetadata> metadata = file->addPart(path);
  if (!metadata)
    return metadata.takeError();
  file->metadata = std::move(*metadata);
  if (Error error = file->addOtherParts())
    return error;
  return file;
}

Expected<GgufMetadata> GgufFile::addPart(const std::string &path) {
  Expected<MappedFile> mapping = MappedFile::open(path, kHeaderBytes, "GGUF");
  if (!mapping)
    return mapping.takeError();
  Expected<GgufPart> part = readGgufPart(path, mapping->bytes());
  if (!part)
    return part.takeError();
  for (SourceTensor &tensor : part->tensors) {
    std::string name = tensor.name;
    if (!tensors.emplace(name, Place{std::move(tensor), parts.size()}).second)
      return fileError(path, "tensor " + inQuotes(name) + " appears twice");
  }
  parts.push_back({llvm::sys::path::filename(path).str(), std::move(*mapping)});
  return std::move(part->metadata);
}

Error GgufFile::addOtherParts() {
  Maybe<int64_t> count = integer("split.count");
  if (!count)
    return count.takeError();
  if (count->value_or(0) <= 1)
    return Error::success();
  if (**count > kMostParts)
    return keyError("split.count",
                    "is " + Twine(**count) + ", but there are at most " + Twine(kMostParts) + " parts");
  if (Error error = checkPartNumber(metadata, path_, 1, **count))
    return error;
  std::vector<std::string> files = ggufParts(path_);
  if (int64_t(files.size()) != **count)
    return fileError(path_, "is the first of " + Twine(**count) + " parts, so its name must end with " +
                                inQuotes(partName("", 1, **count)) + " for the others to be found");
  for (int64_t number = 2; number <= **count; ++number) {
    const std::string &path = files[size_t(number) - 1];
    Expected<GgufMetadata> part = addPart(path);
    if (!part)
      return part.takeError();
    if (Error error = checkPartNumber(*part, path, number, **count))
      return error;
  }
  Maybe<int64_t> total = integer("split.tensors.count");
  if (!total)
    return total.takeError();
  if (*total && **total != int64_t(tensors.size()))
    return keyError("split.tensors.count", "is " + Twine(**total) + ", but the " + Twine(**count) +
                                               " parts hold " + Twine(tensors.size()) + " tensors");
  return Error::success();
}

/// The metadata counts parts from 0, file names from 1.
Error GgufFile::checkPartNumber(const GgufMetadata &part, const std::string &path, int64_t number,
                                int64_t count) const {
  auto is = [&](std::string_view key, int64_t wanted) {
    auto found = part.find(key);
    if (found == part.end())
      return false;
    const uint8_t *bytes = found->second.bytes;
    return nextInteger<int64_t>(found->second.type, bytes) == wanted;
  };
  if (is("split.no", number - 1) && is("split.count", count))
    return Error::success();
  return fileError(path, "is not part " + Twine(number) + " of " + Twine(count) +
                             " by its own 'split.no' and 'split.count'" +
                             (number == 1 ? "; a split checkpoint is opened by its first part" : ""));
}

std::vector<std::string_view> GgufFile::keys() const {
  std::vector<std::string_view> all;
  for (const auto &[key, value] : metadata)
    all.push_back(key);
  return all;
}

bool GgufFile::isArray(std::string_view key) const {
  auto found = metadata.find(key);
  return found != metadata.end() && found->second.type == Type::array;
}

Error GgufFile::keyError(std::string_view key, const Twine &what) const {
  return fileError(path_, "key " + inQuotes(key) + ": " + what);
}

template <typename T, typename Read>
GgufFile::Maybe<T> GgufFile::one(std::string_view key, const char *wanted, Read read) const {
  auto found = metadata.find(key);
  if (found == metadata.end())
    return std::nullopt;
  const uint8_t *bytes = found->second.bytes;
  std::optional<T> value = read(found->second.type, bytes);
  if (!value)
    return keyError(key, "is " + nameOf(found->second) + ", but " + wanted + " is needed");
  return value;
}

template <typename T, typename Read>
GgufFile::Maybe<std::vector<T>> GgufFile::all(std::string_view key, const char *wanted, Read read) const {
  auto found = metadata.find(key);
  if (found == metadata.end())
    return std::nullopt;
  const GgufValue &value = found->second;
  if (value.type != Type::array)
    return keyError(key, "is " + nameOf(value) + ", but a list is needed, of which each is " + wanted);
  std::vector<T> values;
  values.reserve(value.count);
  const uint8_t *bytes = value.bytes;
  for (uint64_t i = 0; i < value.count; ++i) {
    std::optional<T> element = read(value.element, bytes);
    if (!element)
      return keyError(key, "element " + Twine(i) + " is " + nameOf(value.element) + ", but " + wanted +
                               " is needed");
    values.push_back(*element);
  }
  return values;
}

GgufFile::Maybe<std::string_view> GgufFile::string(std::string_view key) const {
  return one<std::string_view>(key, kString, nextString);
}
GgufFile::Maybe<int64_t> GgufFile::integer(std::string_view key) const {
  return one<int64_t>(key, kInteger, nextInteger<int64_t>);
}
GgufFile::Maybe<double> GgufFile::number(std::string_view key) const {
  return one<double>(key, kNumber, nextNumber);
}
GgufFile::Maybe<bool> GgufFile::boolean(std::string_view key) const {
  return one<bool>(key, kBoolean, nextBoolean);
}
GgufFile::Maybe<std::vector<std::string_view>> GgufFile::strings(std::string_view key) const {
  return all<std::string_view>(key, kString, nextString);
}
GgufFile::Maybe<std::vector<int64_t>> GgufFile::integers(std::string_view key) const {
  return all<int64_t>(key, kInteger, nextInteger<int64_t>);
}
GgufFile::Maybe<std::vector<double>> GgufFile::numbers(std::string_view key) const {
  return all<double>(key, kNumber, nextNumber);
}
GgufFile::Maybe<std::vector<bool>> GgufFile::booleans(std::string_view key) const {
  return all<bool>(key, kBoolean, nextBoolean);
}

const SourceTensor *GgufFile::find(std::string_view name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second.tensor;
}

std::vector<std::string> GgufFile::names() const {
  std::vector<std::string> all;
  all.reserve(tensors.size());
  for (const auto &[name, place] : tensors)
    all.push_back(name);
  return all;
}

std::string GgufFile::fileOf(std::string_view name) const {
  auto found = tensors.find(name);
  return found == tensors.end() ? std::string() : parts[found->second.part].file;
}

void GgufFile::release(std::string_view name, std::span<const uint8_t> bytes) const {
  if (auto found = tensors.find(name); found != tensors.end())
    parts[found->second.part].mapping.release(bytes);
}

} // namespace gemmac
