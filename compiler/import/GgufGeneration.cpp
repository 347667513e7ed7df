//===- GgufGeneration.cpp - how a GGUF file wants its text to be sampled --------------------------------===//

#include "compiler/import/GgufGeneration.h"
#include "llvm/ADT/STLExtras.h"

using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

namespace gemmac {
namespace {

/// The tokens of Gemma 4 and Gemma 3 that end a text or a turn, or hand over to a tool. Files name only one
/// or two of them.
const StringRef kStops[] = {"<eos>", "<turn|>", "<|tool_response>", "<end_of_turn>"};

template <typename T>
bool take(GgufFile::Maybe<T> value, json &into) {
  if (!value) {
    llvm::consumeError(value.takeError()); // of another type
    return false;
  }
  into = std::move(**value);
  return true;
}

/// Lists of booleans become lists of 0 and 1, as some writers store them.
json valueOf(const GgufFile &file, std::string_view key) {
  json value;
  if (!file.isArray(key)) {
    take(file.string(key), value) || take(file.boolean(key), value) || take(file.integer(key), value) ||
        take(file.number(key), value);
    return value;
  }
  std::vector<std::string> texts;
  if (take(file.integers(key), value) || take(file.numbers(key), value))
    return value;
  json flags;
  if (!take(file.booleans(key), flags))
    return "a list of texts"; // no key of a model has this type
  value = json::array();
  for (const json &flag : flags)
    value.push_back(int(flag.get<bool>()));
  return value;
}

llvm::Error readSuppressed(const GgufFile &file, int64_t vocabulary, std::vector<int32_t> &suppressed) {
  constexpr StringRef kKey = "tokenizer.ggml.suppress_tokens";
  GgufFile::Maybe<std::vector<int64_t>> ids = file.integers(kKey);
  if (!ids)
    return ids.takeError();
  for (int64_t id : ids->value_or(std::vector<int64_t>())) {
    if (id < 0 || id >= vocabulary)
      return file.keyError(kKey, "holds " + Twine(id) + ", but the vocabulary's ids go from 0 to " +
                                     Twine(vocabulary - 1));
    suppressed.push_back(int32_t(id));
  }
  return llvm::Error::success();
}

} // namespace

json ggufSection(const GgufFile &file, const std::string &section) {
  json object = json::object();
  for (std::string_view key : file.keys())
    if (StringRef name = key; name.consume_front(section + "."))
      object[name.str()] = valueOf(file, key);
  return {{section, std::move(object)}};
}

Expected<std::optional<int32_t>> readGgufTokenId(const GgufFile &file, StringRef key, int64_t vocabulary) {
  GgufFile::Maybe<int64_t> id = file.integer(key);
  if (!id)
    return id.takeError();
  if (!*id)
    return std::nullopt;
  if (**id < 0 || **id >= vocabulary)
    return file.keyError(key, "is " + Twine(**id) + ", but the vocabulary's ids go from 0 to " +
                                  Twine(vocabulary - 1));
  return int32_t(**id);
}

llvm::Error readGgufStops(const GgufFile &file, int64_t vocabulary, std::vector<int32_t> &stops) {
  for (StringRef key : {"eos", "eot", "eom"}) {
    std::string name = ("tokenizer.ggml." + key + "_token_id").str();
    auto id = readGgufTokenId(file, name, vocabulary);
    if (!id)
      return id.takeError();
    if (*id)
      addStops(stops, **id);
    // Ollama lists them where there are several.
    GgufFile::Maybe<std::vector<int64_t>> ids = file.integers(name + "s");
    if (!ids)
      return ids.takeError();
    for (int64_t listed : ids->value_or(std::vector<int64_t>()))
      if (listed < 0 || listed >= vocabulary)
        return file.keyError(name + "s", "holds " + Twine(listed) +
                                             ", but the vocabulary's ids go from 0 to " +
                                             Twine(vocabulary - 1));
      else
        addStops(stops, int32_t(listed));
  }
  GgufFile::Maybe<std::vector<std::string_view>> tokens = file.strings("tokenizer.ggml.tokens");
  if (!tokens)
    return tokens.takeError();
  if (*tokens)
    for (const auto &[id, token] : llvm::enumerate(**tokens))
      if (int64_t(id) < vocabulary && llvm::is_contained(kStops, StringRef(token)))
        addStops(stops, int32_t(id));
  return llvm::Error::success();
}

Expected<GenerationConfig> readGgufGeneration(const GgufFile &file, const ModelConfig &model) {
  json object = ggufSection(file, "general.sampling");
  ConfigFields fields = ConfigFields(file.path(), object).inner("general.sampling");
  // Keys that are not read concern samplers that Gemma's generation configs never use.
  GenerationConfig config;
  readSampling(fields, {"temp", "top_k", "top_p", "min_p", "penalty_repeat"}, config);
  if (llvm::Error error = fields.takeError())
    return error;
  config.bos = model.bos;
  config.stop = model.eos;
  if (llvm::Error error = readSuppressed(file, model.vocabulary, config.suppress))
    return error;
  return config;
}

} // namespace gemmac
