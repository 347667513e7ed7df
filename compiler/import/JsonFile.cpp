//===- JsonFile.cpp - JSON that somebody else wrote -----------------------------------------------------===//

#include "compiler/import/JsonFile.h"
#include "compiler/import/LfsPointer.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using nlohmann::json;

namespace gemmac {
namespace {

/// Checks a text before it is parsed: the parser itself would keep the last of two equal keys and recurse
/// without bound.
class Inspector : public nlohmann::json_sax<json> {
public:
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }

  bool key(string_t &name) override {
    if (keys.back().insert(name).second)
      return true;
    problem = "the key " + inQuotes(name) + " appears twice in one object";
    return false;
  }

  bool parse_error(std::size_t position, const std::string &, const json::exception &) override {
    problem = "is not valid JSON, from byte " + std::to_string(position) + " on";
    return false;
  }

private:
  std::vector<llvm::StringSet<>> keys;

  bool open() {
    constexpr size_t kDeepest = 64;
    if (keys.size() == kDeepest) {
      problem = "is nested deeper than " + std::to_string(kDeepest) + " levels";
      return false;
    }
    keys.emplace_back();
    return true;
  }

  bool close() {
    keys.pop_back();
    return true;
  }
};

} // namespace

llvm::Error fileError(std::string_view file, const llvm::Twine &what) {
  return llvm::createStringError(std::make_error_code(std::errc::invalid_argument),
                                 llvm::Twine(llvm::StringRef(file)) + ": " + what);
}

std::string inQuotes(std::string_view name) {
  constexpr size_t kHalf = 80;
  // Never cut inside a UTF-8 sequence.
  auto boundary = [&](size_t position) {
    while (position < name.size() && (name[position] & 0xC0) == 0x80)
      ++position;
    return position;
  };
  std::string text = "'";
  auto append = [&](std::string_view part) {
    for (char c : part)
      text +=
          llvm::isPrint(c) || (c & 0x80) ? std::string(1, c) : "\\x" + llvm::utohexstr(uint8_t(c), true, 2);
  };
  if (name.size() <= 2 * kHalf) {
    append(name);
  } else {
    append(name.substr(0, boundary(kHalf)));
    text += "…";
    append(name.substr(boundary(name.size() - kHalf)));
  }
  return text + "'";
}

std::string pathIn(const std::string &directory, llvm::StringRef file) {
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, file);
  return std::string(path);
}

llvm::Expected<json> parseJsonObject(std::string_view file, std::string_view text) {
  Inspector inspector;
  if (!json::sax_parse(text.begin(), text.end(), &inspector))
    return fileError(file, inspector.problem);
  json value = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!value.is_object())
    return fileError(file, "a JSON object is needed, but this is " + llvm::Twine(value.type_name()));
  return value;
}

llvm::Expected<uint64_t> sizeOfFile(const std::string &path) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return fileError(path, error.message());
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return fileError(path, "is not a regular file");
  return status.getSize();
}

llvm::Expected<std::string> readTextFile(const std::string &path, uint64_t limit) {
  llvm::Expected<uint64_t> size = sizeOfFile(path);
  if (!size)
    return size.takeError();
  if (*size > limit)
    return fileError(path, "has " + llvm::Twine(*size) + " bytes, but at most " + llvm::Twine(limit) +
                               " make sense");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fileError(path, buffer.getError().message());
  if (llvm::Error pointer = refuseLfsPointer(path, (*buffer)->getBuffer()))
    return std::move(pointer);
  return (*buffer)->getBuffer().str();
}

llvm::Expected<json> readJsonFile(const std::string &path, uint64_t limit) {
  llvm::Expected<std::string> text = readTextFile(path, limit);
  if (!text)
    return text.takeError();
  return parseJsonObject(path, *text);
}

} // namespace gemmac
