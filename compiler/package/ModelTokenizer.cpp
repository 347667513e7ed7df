#include "compiler/package/ModelTokenizer.h"

#include "compiler/import/HubCache.h"
#include "compiler/import/JsonFile.h"
#include "compiler/package/PackageFile.h"
#include "compiler/package/TokenizerTables.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Encoder.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <charconv>

using namespace gemmac;
using llvm::Expected;
using llvm::Twine;
namespace fs = llvm::sys::fs;

/// A directory's only package; the path itself where it is no directory.
static Expected<std::string> findPackage(const std::string &model) {
  if (!fs::is_directory(model))
    return model;
  std::string found;
  std::error_code error;
  for (fs::directory_iterator entry(model, error), end; entry != end && !error; entry.increment(error)) {
    if (llvm::sys::path::extension(entry->path()) != ".weights")
      continue;
    if (!found.empty())
      return fileError(model, "has more than one package: name one of them");
    found = entry->path();
  }
  if (error)
    return fileError(model, error.message());
  if (found.empty())
    return fileError(model, "is no model: it has neither a tokenizer.json nor a package (.weights)");
  return found;
}

/// A directory with a tokenizer of its own, or a file that is no package.
static bool isCheckpoint(const std::string &model) {
  if (fs::is_directory(model))
    return fs::exists(pathIn(model, "tokenizer.json"));
  return fs::exists(model) && llvm::sys::path::extension(model) != ".weights";
}

Expected<ModelTokenizer> ModelTokenizer::open(const std::string &name) {
  Expected<std::string> located = locateModel(name);
  if (!located)
    return located.takeError();
  const std::string &model = *located;
  ModelTokenizer opened;
  if (isCheckpoint(model)) {
    Expected<Tokenizer> tokenizer = readTokenizer(model);
    if (!tokenizer)
      return tokenizer.takeError();
    auto buffer = std::make_shared<flatbuffers::DetachedBuffer>(buildTokenizerTables(*tokenizer));
    [[maybe_unused]] bool fits =
        opened.vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(buffer->data()));
    assert(fits && "tables that were just built contradict themselves");
    opened.tables = std::move(buffer);
    return opened;
  }
  Expected<std::string> path = findPackage(model);
  if (!path)
    return path.takeError();
  Expected<PackageFile> package = PackageFile::open(*path);
  if (!package)
    return package.takeError();
  auto file = std::make_shared<PackageFile>(std::move(*package));
  if (!opened.vocabulary.open(*file->metadata().tokenizer()))
    return fileError(*path, "the tables of its tokenizer contradict themselves");
  opened.tables = std::move(file);
  return opened;
}

Expected<std::vector<int32_t>> ModelTokenizer::encode(llvm::StringRef text, bool bos) const {
  std::vector<uint64_t> scratch((Encoder::kScratchBytes + 7) / 8);
  Encoder encoder(vocabulary, scratch.data());
  // Every token is at least one byte.
  std::vector<int32_t> ids(text.size() + 1);
  EncodeOptions options;
  options.bos = bos && !vocabulary.beginsWithBos(reinterpret_cast<const uint8_t *>(text.data()), text.size());
  size_t count = 0;
  if (!encoder.encode(text.data(), text.size(), options, ids.data(), ids.size(), count))
    return llvm::createStringError(
        std::make_error_code(std::errc::not_enough_memory),
        "the text has a stretch of thousands of characters that no cut can be found in");
  ids.resize(count);
  return ids;
}

Expected<std::string> ModelTokenizer::decode(llvm::ArrayRef<int32_t> ids, bool skipSpecial) const {
  for (int32_t id : ids)
    if (uint32_t(id) >= vocabulary.size())
      return llvm::createStringError(std::make_error_code(std::errc::invalid_argument),
                                     "id " + Twine(id) + " is outside the vocabulary, 0 to " +
                                         Twine(vocabulary.size() - 1));
  std::string text(gemmac::decode(vocabulary, ids.data(), ids.size(), skipSpecial, nullptr, 0), '\0');
  gemmac::decode(vocabulary, ids.data(), ids.size(), skipSpecial, text.data(), text.size());
  return text;
}

Expected<std::vector<int32_t>> gemmac::parseIds(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  std::vector<int32_t> ids;
  for (size_t begin = text.find_first_not_of(blanks); begin != std::string_view::npos;
       begin = text.find_first_not_of(blanks)) {
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(blanks));
    int32_t id = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size() || id < 0)
      return llvm::createStringError(std::make_error_code(std::errc::invalid_argument),
                                     inQuotes(word) + " is no token id");
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
  return ids;
}
