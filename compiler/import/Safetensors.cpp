//===- Safetensors.cpp - checkpoints in the format of Hugging Face --------------------------------------===//

#include "compiler/import/Safetensors.h"
#include "compiler/import/JsonFile.h"
#include "compiler/import/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <map>

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

/// The format's own limit for the header.
constexpr uint64_t kLongestHeader = 100'000'000;
constexpr size_t kHighestRank = 8;

/// Bits of one number; nothing for an unknown dtype.
std::optional<uint64_t> bitsOf(StringRef dtype) {
  static const llvm::StringMap<uint64_t> bits = {
      {"BOOL", 8},    {"U8", 8},      {"I8", 8},      {"F8_E5M2", 8}, {"F8_E4M3", 8},
      {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},      {"I16", 16},
      {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
      {"F32", 32},    {"I64", 64},    {"U64", 64},    {"F64", 64},    {"C64", 64}};
  auto found = bits.find(dtype);
  return found == bits.end() ? std::nullopt : std::optional(found->second);
}

/// One mapped file and the tensors in it, by name.
struct Shard {
  std::string file; ///< its name inside the directory
  MappedFile mapping;
  std::map<std::string, SourceTensor, std::less<>> tensors;
};

class Safetensors final : public WeightSource {
public:
  void add(const SourceTensor &tensor, const Shard &shard) { places[tensor.name] = {&tensor, &shard}; }
  void keep(std::unique_ptr<Shard> shard) { shards.push_back(std::move(shard)); }

  const SourceTensor *find(std::string_view name) const override {
    auto found = places.find(name);
    return found == places.end() ? nullptr : found->second.tensor;
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    all.reserve(places.size());
    for (const auto &[name, place] : places)
      all.push_back(name);
    return all;
  }

  std::string fileOf(std::string_view name) const override {
    auto found = places.find(name);
    return found == places.end() ? std::string() : found->second.shard->file;
  }

  void release(std::string_view name, std::span<const uint8_t> bytes) const override {
    if (auto found = places.find(name); found != places.end())
      found->second.shard->mapping.release(bytes);
  }

private:
  struct Place {
    const SourceTensor *tensor;
    const Shard *shard;
  };
  std::vector<std::unique_ptr<Shard>> shards;
  std::map<std::string, Place, std::less<>> places; ///< ordered, so that names() is deterministic
};

/// What the header says of one tensor, before it is checked against its neighbours.
struct Entry {
  SourceTensor tensor;
  uint64_t begin = 0;
  uint64_t end = 0;
};

class HeaderReader {
public:
  HeaderReader(const std::string &path, std::span<const uint8_t> numbers) : path(path), numbers(numbers) {}

  Error read(const json &header, Shard &shard) {
    std::vector<Entry> entries;
    for (const auto &[name, value] : header.items()) {
      if (name == "__metadata__")
        continue;
      Expected<Entry> entry = readEntry(name, value);
      if (!entry)
        return entry.takeError();
      entries.push_back(std::move(*entry));
    }
    if (Error error = checkNeighbours(entries))
      return error;
    for (Entry &entry : entries) {
      entry.tensor.bytes = numbers.subspan(entry.begin, entry.end - entry.begin);
      std::string name = entry.tensor.name;
      shard.tensors.emplace(std::move(name), std::move(entry.tensor));
    }
    return Error::success();
  }

private:
  const std::string &path;
  std::span<const uint8_t> numbers;

  Error wrong(StringRef name, const Twine &what) {
    return fileError(path, "tensor " + inQuotes(name) + ": " + what);
  }

  Expected<Entry> readEntry(const std::string &name, const json &value) {
    if (!value.is_object())
      return wrong(name, "its entry is not an object");
    for (const char *field : {"dtype", "shape", "data_offsets"})
      if (!value.contains(field))
        return wrong(name, "has no '" + Twine(field) + "'");
    Entry entry;
    entry.tensor.name = name;
    const auto *dtype = value["dtype"].get_ptr<const std::string *>();
    if (!dtype)
      return wrong(name, "'dtype' is not a string");
    if (Error error = readRange(name, value["data_offsets"], entry))
      return error;
    if (Error error = readShape(name, value["shape"], *dtype, entry))
      return error;
    entry.tensor.scheme = StringRef(*dtype).lower();
    return entry;
  }

  Error readRange(StringRef name, const json &range, Entry &entry) {
    if (!range.is_array() || range.size() != 2 || !range[0].is_number_unsigned() ||
        !range[1].is_number_unsigned())
      return wrong(name, "'data_offsets' are not two positions");
    entry.begin = range[0].get<uint64_t>();
    entry.end = range[1].get<uint64_t>();
    if (entry.begin > entry.end || entry.end > numbers.size())
      return wrong(name, "bytes [" + Twine(entry.begin) + ", " + Twine(entry.end) +
                             ") do not lie in the file, which holds " + Twine(numbers.size()) +
                             " bytes of numbers");
    return Error::success();
  }

  Error readShape(StringRef name, const json &shape, StringRef dtype, Entry &entry) {
    if (!shape.is_array() || shape.size() > kHighestRank)
      return wrong(name, "'shape' is not a list of at most " + Twine(kHighestRank) + " sizes");
    uint64_t count = 1;
    for (const json &size : shape) {
      constexpr uint64_t kMost = uint64_t(1) << 48;
      if (!size.is_number_unsigned() || size.get<uint64_t>() > kMost)
        return wrong(name, "'shape' holds " + inQuotes(size.dump()) + ", which is no size of a tensor");
      entry.tensor.shape.push_back(size.get<int64_t>());
      bool overflow = false;
      count = llvm::SaturatingMultiply(count, size.get<uint64_t>(), &overflow);
      if (overflow || count > kMost)
        return wrong(name, "its shape has more numbers than any file can hold");
    }
    uint64_t held = entry.end - entry.begin;
    std::optional<uint64_t> bits = bitsOf(dtype);
    // An unknown dtype is an error only if the tensor is used.
    if (bits && (count * *bits % 8 != 0 || count * *bits / 8 != held))
      return wrong(name, "dtype " + dtype + " and shape need " + Twine(llvm::divideCeil(count * *bits, 8)) +
                             " bytes, but 'data_offsets' span " + Twine(held));
    return Error::success();
  }

  Error checkNeighbours(std::vector<Entry> &entries) {
    llvm::sort(entries, [](const Entry &a, const Entry &b) {
      return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
    });
    uint64_t position = 0;
    for (const Entry &entry : entries) {
      if (entry.begin < position)
        return wrong(entry.tensor.name, "its bytes overlap those of another tensor");
      if (entry.begin > position)
        return wrong(entry.tensor.name,
                     "the " + Twine(entry.begin - position) + " bytes before it belong to no tensor");
      position = entry.end;
    }
    if (position != numbers.size())
      return fileError(path, "the last " + Twine(numbers.size() - position) + " bytes belong to no tensor");
    return Error::success();
  }
};

Expected<std::unique_ptr<Shard>> openShard(const std::string &directory, const std::string &file) {
  std::string path = pathIn(directory, file);
  constexpr uint64_t kLengthBytes = 8;
  Expected<MappedFile> mapping = MappedFile::open(path, kLengthBytes, "safetensors");
  if (!mapping)
    return mapping.takeError();

  std::unique_ptr<Shard> shard(new Shard{file, std::move(*mapping), {}});
  std::span<const uint8_t> bytes = shard->mapping.bytes();
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  std::span<const uint8_t> rest = bytes.subspan(kLengthBytes);
  if (length > rest.size() || length > kLongestHeader)
    return fileError(path, "says that its header has " + Twine(length) + " bytes, but the file has " +
                               Twine(bytes.size()) +
                               (length > rest.size() ? "" : " and a header at most 100000000"));
  std::string_view text(reinterpret_cast<const char *>(rest.data()), length);
  Expected<json> header = parseJsonObject(path, text);
  if (!header)
    return header.takeError();
  if (Error error = HeaderReader(path, rest.subspan(length)).read(*header, *shard))
    return error;
  return shard;
}

/// Shards are in or below the checkpoint's own directory. (Links are followed: the cache of Hugging Face is
/// made of them.)
bool staysInside(StringRef file) {
  auto isControl = [](char c) { return static_cast<unsigned char>(c) < ' '; };
  if (file.empty() || llvm::any_of(file, isControl) || file.contains('\\') ||
      llvm::sys::path::is_absolute(file))
    return false;
  return llvm::none_of(llvm::make_range(llvm::sys::path::begin(file), llvm::sys::path::end(file)),
                       [](StringRef part) { return part == ".."; });
}

Expected<std::unique_ptr<WeightSource>> openIndexed(const std::string &directory,
                                                    const std::string &indexPath) {
  Expected<json> index = readJsonFile(indexPath, kLongestHeader);
  if (!index)
    return index.takeError();
  auto map = index->find("weight_map");
  if (map == index->end() || !map->is_object() || map->empty())
    return fileError(indexPath, "has no 'weight_map' from tensors to files");

  auto source = std::make_unique<Safetensors>();
  std::map<std::string, const Shard *> opened;
  for (const auto &[name, value] : map->items()) {
    const auto *file = value.get_ptr<const std::string *>();
    if (!file || !staysInside(*file))
      return fileError(indexPath, "tensor " + inQuotes(name) + " stands in " +
                                      (file ? inQuotes(*file) : inQuotes(value.dump())) +
                                      ", which is no file of this directory");
    const Shard *&shard = opened[*file];
    if (!shard) {
      Expected<std::unique_ptr<Shard>> fresh = openShard(directory, *file);
      if (!fresh)
        return fresh.takeError();
      shard = fresh->get();
      source->keep(std::move(*fresh));
    }
    auto tensor = shard->tensors.find(name);
    if (tensor == shard->tensors.end())
      return fileError(indexPath,
                       "tensor " + inQuotes(name) + " should stand in " + inQuotes(*file) + ", but does not");
    source->add(tensor->second, *shard);
  }
  return source;
}

} // namespace

Expected<std::unique_ptr<WeightSource>> openSafetensors(const std::string &directory) {
  if (!llvm::sys::fs::exists(pathIn(directory, "model.safetensors"))) {
    std::string index = pathIn(directory, "model.safetensors.index.json");
    if (llvm::sys::fs::exists(index))
      return openIndexed(directory, index);
    return fileError(directory, "holds neither model.safetensors nor model.safetensors.index.json");
  }
  return openSafetensorsFile(pathIn(directory, "model.safetensors"));
}

Expected<std::unique_ptr<WeightSource>> openSafetensorsFile(const std::string &path) {
  Expected<std::unique_ptr<Shard>> shard =
      openShard(llvm::sys::path::parent_path(path).str(), llvm::sys::path::filename(path).str());
  if (!shard)
    return shard.takeError();
  auto source = std::make_unique<Safetensors>();
  for (const auto &[name, tensor] : (*shard)->tensors)
    source->add(tensor, **shard);
  source->keep(std::move(*shard));
  return source;
}

} // namespace gemmac
