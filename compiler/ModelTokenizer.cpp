//===- ModelTokenizer.cpp - text to ids and back, without running the model -------------------===//

#include "compiler/ModelTokenizer.h"

#include "compiler/PreparedModel.h"
#include "compiler/package/OutputFile.h"
#include "compiler/package/PackageFile.h"
#include "compiler/package/TokenizerTables.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Encoder.h"
#include "runtime/tokenizer/Vocabulary.h"

#include <charconv>
#include <optional>

namespace gemmac {

/// Whichever of the two holds the tables, and the view of them.
struct ModelTokenizer::Tables {
  std::optional<PackageFile> package;
  flatbuffers::DetachedBuffer built;
  Vocabulary vocabulary;
};

ModelTokenizer::ModelTokenizer(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
ModelTokenizer::ModelTokenizer(ModelTokenizer &&) = default;
ModelTokenizer::~ModelTokenizer() = default;

llvm::Expected<ModelTokenizer> ModelTokenizer::open(const std::string &model) {
  auto tables = std::make_unique<Tables>();
  const format::Tokenizer *root = nullptr;
  if (std::string weights = weightsOf(model); !weights.empty()) {
    llvm::Expected<PackageFile> package = PackageFile::open(weights);
    if (!package)
      return package.takeError();
    tables->package = std::move(*package);
    root = tables->package->metadata().tokenizer();
  } else {
    llvm::Expected<Tokenizer> tokenizer = readTokenizerJson(model);
    if (!tokenizer)
      return tokenizer.takeError();
    tables->built = buildTokenizerTables(*tokenizer);
    root = flatbuffers::GetRoot<format::Tokenizer>(tables->built.data());
  }
  if (!tables->vocabulary.open(*root))
    return makeError("'" + model + "': the tokenizer's tables contradict themselves");
  return ModelTokenizer(std::move(tables));
}

llvm::Expected<std::vector<int32_t>> ModelTokenizer::encode(std::string_view text, bool bos) const {
  std::vector<uint64_t> scratch(Encoder::kScratchBytes / sizeof(uint64_t) + 1);
  Encoder encoder(tables_->vocabulary, scratch.data());
  EncodeOptions options;
  options.bos = bos && tables_->vocabulary.addBos();
  // No token is shorter than a byte.
  std::vector<int32_t> ids(text.size() + 1);
  size_t count = 0;
  if (!encoder.encode(text.data(), text.size(), options, ids.data(), ids.size(), count))
    return makeError("the text has a piece that is too long to be tokenized");
  ids.resize(count);
  return ids;
}

std::string ModelTokenizer::decode(const std::vector<int32_t> &ids, bool skipSpecial) const {
  std::string text(gemmac::decode(tables_->vocabulary, ids.data(), ids.size(), skipSpecial, nullptr, 0),
                   '\0');
  gemmac::decode(tables_->vocabulary, ids.data(), ids.size(), skipSpecial, text.data(), text.size());
  return text;
}

llvm::Expected<std::vector<int32_t>> parseIds(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  std::vector<int32_t> ids;
  for (size_t begin = text.find_first_not_of(blanks); begin != std::string_view::npos;
       begin = text.find_first_not_of(blanks)) {
    text.remove_prefix(begin);
    std::string_view word = text.substr(0, text.find_first_of(blanks));
    int32_t id = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size() || id < 0)
      return makeError("'" + llvm::Twine(std::string(word.substr(0, 40))) + "' is no token id");
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
  return ids;
}

} // namespace gemmac
