//===- GgufPart.cpp - what stands in one GGUF file ------------------------------------------------------===//

#include "compiler/import/GgufPart.h"
#include "compiler/import/BlockFormats.h"
#include "compiler/import/JsonFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using llvm::Error;
using llvm::Expected;
using llvm::Twine;

namespace gemmac {
namespace {

using Type = GgufValue::Type;

constexpr uint32_t kMagic = 0x46554747; // "GGUF"
// Limits of the format.
constexpr uint64_t kLongestKey = 65535;
constexpr uint64_t kLongestName = 64;
constexpr uint32_t kHighestRank = 4;
constexpr uint64_t kDefaultAlignment = 32;
/// This reader's own limit: sixty times the vocabulary.
constexpr uint64_t kLongestList = uint64_t(1) << 24;

/// Names of tensor types, indexed by their number in files; empty where the number is unused.
constexpr std::string_view kTypeNames[] = {
    "f32",   "f16",    "q4_0",  "q4_1", "",     "",        "q5_0",   "q5_1",    "q8_0",  "q8_1",   "q2_k",
    "q3_k",  "q4_k",   "q5_k",  "q6_k", "q8_k", "iq2_xxs", "iq2_xs", "iq3_xxs", "iq1_s", "iq4_nl", "iq3_s",
    "iq2_s", "iq4_xs", "i8",    "i16",  "i32",  "i64",     "f64",    "iq1_m",   "bf16",  "",       "",
    "",      "tq1_0",  "tq2_0", "",     "",     "",        "mxfp4",  "nvfp4",   "q1_0"};

/// Bytes of a value of a type of fixed size.
std::optional<uint64_t> bytesOf(Type type) {
  switch (type) {
  case Type::u8:
  case Type::i8:
  case Type::boolean:
    return 1;
  case Type::u16:
  case Type::i16:
    return 2;
  case Type::u32:
  case Type::i32:
  case Type::f32:
    return 4;
  case Type::u64:
  case Type::i64:
  case Type::f64:
    return 8;
  case Type::string:
  case Type::array:
    break;
  }
  return std::nullopt;
}

/// Reads one file from its start to the end of its list of tensors.
class Reader {
public:
  Reader(const std::string &path, std::span<const uint8_t> bytes) : path(path), bytes(bytes) {}

  Expected<GgufPart> read() {
    if (Error error = readHeader())
      return error;
    for (uint64_t i = 0; i < keyCount; ++i)
      if (Error error = readKey(i))
        return error;
    if (Error error = readAlignment())
      return error;
    // The list cannot be longer than the file, whatever its count says.
    std::vector<Entry> entries;
    for (uint64_t i = 0; i < tensorCount; ++i) {
      Expected<Entry> entry = readEntry(i);
      if (!entry)
        return entry.takeError();
      entries.push_back(std::move(*entry));
    }
    if (Error error = place(entries))
      return error;
    for (Entry &entry : entries)
      part.tensors.push_back(std::move(entry.tensor));
    return std::move(part);
  }

private:
  /// A tensor whose data is not yet known to lie in the file.
  struct Entry {
    SourceTensor tensor;
    uint64_t offset = 0; ///< from the start of the data, which follows the list of tensors
    uint64_t length = 0;
  };

  const std::string &path;
  const std::span<const uint8_t> bytes;
  uint64_t position = 0;
  uint64_t tensorCount = 0, keyCount = 0;
  uint64_t alignment = kDefaultAlignment;
  GgufPart part;

  uint64_t left() const { return bytes.size() - position; }

  Error truncated(const Twine &what) {
    return fileError(path, what + " goes beyond the end of the file, which has " + Twine(bytes.size()) +
                               " bytes; is it complete?");
  }

  template <typename T>
  Error take(T &value, const Twine &what) {
    if (left() < sizeof(T))
      return truncated(what);
    value = llvm::support::endian::read<T, llvm::endianness::little>(bytes.data() + position);
    position += sizeof(T);
    return Error::success();
  }

  Error takeString(std::string_view &text, const Twine &what) {
    uint64_t length = 0;
    if (Error error = take(length, what))
      return error;
    if (length > left())
      return truncated(what + ", a string of " + Twine(length) + " bytes,");
    text = {reinterpret_cast<const char *>(bytes.data() + position), length};
    position += length;
    return Error::success();
  }

  Error readHeader() {
    uint32_t magic = 0, version = 0;
    if (Error error = take(magic, "its header"))
      return error;
    if (magic != kMagic)
      return fileError(path, "does not begin with 'GGUF'");
    if (Error error = take(version, "its header"))
      return error;
    if (version != 0 && version % 65536 == 0)
      return fileError(path, "was written for big-endian machines; its numbers must be little-endian");
    if (version != 2 && version != 3)
      return fileError(path, "is of version " + Twine(version) + " of the format, but 2 or 3 is needed");
    if (Error error = take(tensorCount, "its header"))
      return error;
    return take(keyCount, "its header");
  }

  Error readKey(uint64_t index) {
    std::string_view key;
    if (Error error = takeString(key, "key " + Twine(index) + " of " + Twine(keyCount)))
      return error;
    if (key.empty() || key.size() > kLongestKey)
      return fileError(path, "key " + Twine(index) + " has " + Twine(key.size()) + " bytes, but 1 to " +
                                 Twine(kLongestKey) + " make a name");
    Expected<GgufValue> value = readValue(key);
    if (!value)
      return value.takeError();
    if (!part.metadata.emplace(key, *value).second)
      return wrong(key, "appears twice");
    return Error::success();
  }

  Error wrong(std::string_view key, const Twine &what) {
    return fileError(path, "key " + inQuotes(key) + ": " + what);
  }

  Expected<Type> readType(std::string_view key, const Twine &what) {
    uint32_t number = 0;
    if (Error error = take(number, what + " of key " + inQuotes(key)))
      return error;
    if (number > uint32_t(Type::f64))
      return wrong(key, what + " is " + Twine(number) + ", but types have numbers from 0 to " +
                            Twine(uint32_t(Type::f64)));
    return Type(number);
  }

  Expected<GgufValue> readValue(std::string_view key) {
    Expected<Type> type = readType(key, "its type");
    if (!type)
      return type.takeError();
    GgufValue value{*type};
    if (value.type == Type::array) {
      Expected<Type> element = readType(key, "the type of its elements");
      if (!element)
        return element.takeError();
      value.element = *element;
      if (value.element == Type::array)
        return wrong(key, "is a list of lists, which no key of a model is");
      if (Error error = take(value.count, "the length of key " + inQuotes(key)))
        return error;
      if (value.count > kLongestList)
        return wrong(key, "is a list of " + Twine(value.count) + " elements, but at most " +
                              Twine(kLongestList) + " make sense");
    }
    value.bytes = bytes.data() + position;
    if (Error error = skipElements(key, value))
      return error;
    return value;
  }

  Error skipElements(std::string_view key, const GgufValue &value) {
    std::optional<uint64_t> width = bytesOf(value.element);
    // No element is shorter than an empty string.
    uint64_t least = width.value_or(sizeof(uint64_t));
    if (value.count > left() / least)
      return truncated("key " + inQuotes(key) + ", of " + Twine(value.count) + " elements,");
    if (!width) {
      std::string_view text;
      for (uint64_t i = 0; i < value.count; ++i)
        if (Error error = takeString(text, "key " + inQuotes(key) + ", element " + Twine(i)))
          return error;
      return Error::success();
    }
    if (value.element == Type::boolean)
      for (uint8_t byte : bytes.subspan(position, value.count))
        if (byte > 1)
          return wrong(key, "holds " + Twine(unsigned(byte)) + ", but a boolean is 0 or 1");
    position += value.count * *width;
    return Error::success();
  }

  Error readAlignment() {
    constexpr std::string_view kKey = "general.alignment";
    constexpr uint64_t kMost = uint64_t(1) << 30;
    auto found = part.metadata.find(kKey);
    if (found == part.metadata.end())
      return Error::success();
    if (found->second.type != Type::u32)
      return wrong(kKey, "must be an integer of 32 bits without sign");
    alignment = llvm::support::endian::read32le(found->second.bytes);
    if (!llvm::isPowerOf2_64(alignment) || alignment < 8 || alignment > kMost)
      return wrong(kKey, "is " + Twine(alignment) + ", but a power of two from 8 to " + Twine(kMost) +
                             " is needed");
    return Error::success();
  }

  Error wrongTensor(const SourceTensor &tensor, const Twine &what) {
    return fileError(path, "tensor " + inQuotes(tensor.name) + ": " + what);
  }

  Expected<Entry> readEntry(uint64_t index) {
    std::string what = ("tensor " + Twine(index) + " of " + Twine(tensorCount)).str();
    std::string_view name;
    if (Error error = takeString(name, what))
      return error;
    if (name.empty() || name.size() > kLongestName)
      return fileError(path, what + " has a name of " + Twine(name.size()) + " bytes, but 1 to " +
                                 Twine(kLongestName) + " are allowed");
    Entry entry;
    entry.tensor.name = name;
    if (Error error = readShape(entry.tensor))
      return error;
    Expected<const BlockFormat *> format = readFormat(entry.tensor);
    if (!format)
      return format.takeError();
    entry.tensor.scheme = (*format)->scheme;
    // The product of the shape is known to fit, and no block has more bytes than 8 times its numbers.
    entry.length = uint64_t(entry.tensor.numbers() / (*format)->numbers * (*format)->bytes);
    if (Error error = take(entry.offset, "the offset of tensor " + inQuotes(name)))
      return error;
    return entry;
  }

  Error readShape(SourceTensor &tensor) {
    uint32_t rank = 0;
    if (Error error = take(rank, "the rank of tensor " + inQuotes(tensor.name)))
      return error;
    if (rank > kHighestRank)
      return wrongTensor(tensor,
                         "has " + Twine(rank) + " axes, but at most " + Twine(kHighestRank) + " are allowed");
    constexpr uint64_t kMost = uint64_t(1) << 48;
    uint64_t count = 1;
    for (uint32_t axis = 0; axis < rank; ++axis) {
      uint64_t size = 0;
      if (Error error = take(size, "the shape of tensor " + inQuotes(tensor.name)))
        return error;
      if (size == 0 || size > kMost / count)
        return wrongTensor(tensor, "has an axis of size " + Twine(size) +
                                       (size == 0 ? ", but every axis has at least 1"
                                                  : ", which makes it larger than any file"));
      count *= size;
      tensor.shape.insert(tensor.shape.begin(), int64_t(size));
    }
    return Error::success();
  }

  Expected<const BlockFormat *> readFormat(const SourceTensor &tensor) {
    uint32_t type = 0;
    if (Error error = take(type, "the type of tensor " + inQuotes(tensor.name)))
      return error;
    std::string_view name = type < std::size(kTypeNames) ? kTypeNames[type] : std::string_view();
    const BlockFormat *format = findBlockFormat(name);
    if (!format)
      return wrongTensor(tensor, "its type has the number " + Twine(type) +
                                     ", which this compiler does not know (8 is Q8_0, 2 is Q4_0)");
    int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (columns % format->numbers != 0)
      return wrongTensor(tensor, "its rows have " + Twine(columns) +
                                     " numbers, which are no whole blocks of " + Twine(format->numbers) +
                                     ", as " + llvm::StringRef(name) + " stores them");
    return format;
  }

  /// Gives every tensor its bytes.
  Error place(std::vector<Entry> &entries) {
    uint64_t start = llvm::alignTo(position, alignment);
    uint64_t held = start < bytes.size() ? bytes.size() - start : 0;
    for (Entry &entry : entries) {
      if (entry.offset % alignment != 0)
        return wrongTensor(entry.tensor, "its offset " + Twine(entry.offset) +
                                             " is no multiple of the file's alignment, " + Twine(alignment));
      if (entry.offset > held || entry.length > held - entry.offset)
        return wrongTensor(entry.tensor, "its " + Twine(entry.length) + " bytes at offset " +
                                             Twine(entry.offset) + " do not lie in the file, which holds " +
                                             Twine(held) + " bytes of numbers; is it complete?");
      entry.tensor.bytes = bytes.subspan(start + entry.offset, entry.length);
    }
    return checkNeighbours(entries);
  }

  Error checkNeighbours(const std::vector<Entry> &entries) {
    std::vector<const Entry *> order;
    for (const Entry &entry : entries)
      order.push_back(&entry);
    llvm::sort(order, [](const Entry *a, const Entry *b) {
      return std::tie(a->offset, a->tensor.name) < std::tie(b->offset, b->tensor.name);
    });
    for (size_t i = 1; i < order.size(); ++i)
      if (order[i]->offset < order[i - 1]->offset + order[i - 1]->length)
        return wrongTensor(order[i]->tensor,
                           "its bytes overlap those of " + inQuotes(order[i - 1]->tensor.name));
    return Error::success();
  }
};

} // namespace

Expected<GgufPart> readGgufPart(const std::string &path, std::span<const uint8_t> bytes) {
  return Reader(path, bytes).read();
}

} // namespace gemmac
