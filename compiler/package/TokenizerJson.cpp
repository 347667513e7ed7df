#include "compiler/package/TokenizerJson.h"

#include "compiler/import/JsonFile.h"
#include "compiler/package/ChatTemplate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"

#include <initializer_list>

using namespace gemmac;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
using nlohmann::json;

static constexpr uint64_t kLargestFile = 256 << 20;
static constexpr uint64_t kMostTokens = 1 << 21; // eight times Gemma's
static constexpr const char *kMark = "▁";

namespace {

/// Reads the parts of one `tokenizer.json`. Each function returns false after the first problem, which
/// `problem` then holds.
class Reader {
public:
  Reader(std::string file, Tokenizer &tokenizer) : file(std::move(file)), tokenizer(tokenizer) {}

  Error read(const json &root);
  Error readConfig(const std::string &configFile, const json &config);
  /// What a checkpoint without `tokenizer_config.json` means.
  void takeDefaults();

private:
  bool fail(const Twine &field, const Twine &what) {
    problem = (field + ": " + what).str();
    return false;
  }
  bool refuseUnknownFields(const json &object, const Twine &path, std::initializer_list<StringRef> known);
  bool expect(const json &value, const json &wanted, const Twine &field, const Twine &why);
  bool readFlag(const json &object, const char *name, bool absent, const Twine &path, bool &value);
  bool readNormalizers(const json &root);
  bool readModel(const json &model);
  bool readVocab(const json &vocab);
  bool readMerges(const json &merges);
  bool checkLength(const Twine &field, const std::string &text);
  bool splitMerge(const json &merge, const Twine &field, std::string &left, std::string &right);
  bool readAdded(const json &added);
  bool readAddedToken(const json &token, const std::string &field);
  bool readPostProcessor(const json &processor);
  bool nameToken(const json &config, const char *key, const char *usual, int32_t &id);
  int32_t find(StringRef text) const {
    auto found = ids.find(text);
    return found == ids.end() ? -1 : int32_t(found->second);
  }
  Error takeError() const { return fileError(file, problem); }

  std::string file;
  Tokenizer &tokenizer;
  llvm::StringMap<uint32_t> ids;
  std::string problem;
  std::string firstSpecial; // that encoded text begins with, as the post-processor says
};

/// A member of an object; null if there is none, or if it is not an object.
const json &member(const json &object, const char *name) {
  static const json null;
  auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? null : *found;
}

std::string shown(const json &value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  constexpr size_t kLongest = 120;
  return text.size() <= kLongest ? text : inQuotes(text);
}

} // namespace

bool Reader::refuseUnknownFields(const json &object, const Twine &path,
                                 std::initializer_list<StringRef> known) {
  for (const auto &[name, value] : object.items())
    if (!llvm::is_contained(known, StringRef(name)))
      return fail(path + StringRef(inQuotes(name)).drop_front().drop_back(),
                  "is not known for a tokenizer of Gemma");
  return true;
}

bool Reader::expect(const json &value, const json &wanted, const Twine &field, const Twine &why) {
  return value == wanted ||
         fail(field, shown(value) + " is not supported: " + why + " needs " + shown(wanted));
}

bool Reader::readFlag(const json &object, const char *name, bool absent, const Twine &path, bool &value) {
  const json &flag = member(object, name);
  if (!flag.is_null() && !flag.is_boolean())
    return fail(path + name, "must be true or false, but is " + shown(flag));
  value = flag.is_boolean() ? flag.get<bool>() : absent;
  return true;
}

bool Reader::readNormalizers(const json &root) {
  const json space = {{"String", " "}}, mark = {{"String", kMark}};
  const json toMark = {{"type", "Replace"}, {"pattern", space}, {"content", kMark}};
  const json toSpace = {{"type", "Replace"}, {"pattern", mark}, {"content", " "}};
  const json decoders = json::array({toSpace, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (!expect(member(root, "normalizer"), toMark, "normalizer", "Gemma") ||
      !expect(member(root, "decoder"), {{"type", "Sequence"}, {"decoders", decoders}}, "decoder", "Gemma"))
    return false;
  // Splitting at spaces has no effect: the normalizer has replaced all of them.
  const json &split = member(root, "pre_tokenizer");
  if (split.is_null())
    return true;
  if (!split.is_object() || member(split, "type") != "Split" || member(split, "pattern") != space)
    return fail("pre_tokenizer", shown(split) + " is not supported: Gemma has none, or a Split at \" \"");
  return member(split, "invert") == json(true) ? fail("pre_tokenizer.invert", "true is not supported") : true;
}

bool Reader::readModel(const json &model) {
  if (!model.is_object())
    return fail("model", "must be an object, but is " + shown(model));
  if (!refuseUnknownFields(model, "model.",
                           {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                            "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}) ||
      !expect(member(model, "type"), "BPE", "model.type", "Gemma") ||
      !expect(member(model, "byte_fallback"), true, "model.byte_fallback", "Gemma"))
    return false;
  for (const char *name : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const json &value = member(model, name); !value.is_null() && value != "")
      return fail(Twine("model.") + name, shown(value) + " is not supported: Gemma has none");
  if (const json &dropout = member(model, "dropout"); !dropout.is_null() && dropout != 0)
    return fail("model.dropout", shown(dropout) + " is not supported: encoding must not depend on chance");
  if (const json &ignore = member(model, "ignore_merges"); !ignore.is_null() && ignore != false)
    return fail("model.ignore_merges", shown(ignore) + " is not supported: Gemma has false");
  if (!readFlag(model, "fuse_unk", false, "model.", tokenizer.fuseUnk) ||
      !readVocab(member(model, "vocab")) || !readMerges(member(model, "merges")))
    return false;
  const json &unk = member(model, "unk_token");
  if (unk.is_null())
    return true;
  if (!unk.is_string())
    return fail("model.unk_token", "must be a token's text or null, but is " + shown(unk));
  tokenizer.unk = find(*unk.get_ptr<const std::string *>());
  return tokenizer.unk >= 0 || fail("model.unk_token", shown(unk) + " is not in model.vocab");
}

bool Reader::checkLength(const Twine &field, const std::string &text) {
  return text.size() <= kLongestToken ||
         fail(field, inQuotes(text) + " has " + Twine(text.size()) + " bytes, but at most " +
                         Twine(kLongestToken) + " are read");
}

bool Reader::readVocab(const json &vocab) {
  if (!vocab.is_object() || vocab.empty())
    return fail("model.vocab", "must be an object of tokens and their ids, but is " + shown(vocab));
  std::vector<bool> taken;
  for (const auto &[text, value] : vocab.items()) {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= kMostTokens)
      return fail("model.vocab[" + inQuotes(text) + "]",
                  "an id is a whole number below " + Twine(kMostTokens) + ", but this is " + shown(value));
    if (!checkLength("model.vocab", text))
      return false;
    const uint32_t id = value.get<uint32_t>();
    if (id >= tokenizer.pieces.size()) {
      tokenizer.pieces.resize(id + 1);
      taken.resize(id + 1);
    }
    if (taken[id])
      return fail("model.vocab[" + inQuotes(text) + "]",
                  "has id " + Twine(id) + ", which " + inQuotes(tokenizer.pieces[id]) + " has too");
    taken[id] = true;
    tokenizer.pieces[id] = text;
    ids[text] = id;
  }
  return find(kMark) >= 0 || fail("model.vocab", "has no '▁', which spaces become");
}

bool Reader::splitMerge(const json &merge, const Twine &field, std::string &left, std::string &right) {
  if (const std::string *pair = merge.get_ptr<const std::string *>()) {
    const size_t blank = pair->find(' ');
    if (blank == std::string::npos || pair->find(' ', blank + 1) != std::string::npos)
      return fail(field, shown(merge) + " is not two tokens with one blank between them");
    left = pair->substr(0, blank);
    right = pair->substr(blank + 1);
    return true;
  }
  if (!merge.is_array() || merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string())
    return fail(field, "must be two tokens, but is " + shown(merge));
  left = *merge[0].get_ptr<const std::string *>();
  right = *merge[1].get_ptr<const std::string *>();
  return true;
}

bool Reader::readMerges(const json &merges) {
  if (!merges.is_array())
    return fail("model.merges", "must be a list, but is " + shown(merges));
  tokenizer.merges.reserve(merges.size());
  std::string left, right;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto field = [&] { return "model.merges[" + std::to_string(rank) + "]"; };
    if (!splitMerge(merges[rank], field(), left, right))
      return false;
    const int32_t leftId = find(left), rightId = find(right), merged = find(left + right);
    if (leftId < 0 || rightId < 0 || merged < 0)
      return fail(field(), inQuotes(leftId < 0    ? left
                                    : rightId < 0 ? right
                                                  : left + right) +
                               " is not in model.vocab");
    tokenizer.merges.push_back({uint32_t(leftId), uint32_t(rightId), uint32_t(merged)});
  }
  return true;
}

bool Reader::readAddedToken(const json &token, const std::string &field) {
  if (!token.is_object())
    return fail(field, "must be an object, but is " + shown(token));
  const json &content = member(token, "content"), &number = member(token, "id");
  if (!content.is_string())
    return fail(field + ".content", "must be text, but is " + shown(content));
  if (!number.is_number_unsigned() || number.get<uint64_t>() >= kMostTokens)
    return fail(field + ".id",
                "must be a whole number below " + Twine(kMostTokens) + ", but is " + shown(number));
  for (const char *name : {"single_word", "lstrip", "rstrip"}) {
    bool value = false;
    if (!readFlag(token, name, false, field + ".", value))
      return false;
    if (value)
      return fail(field + "." + name, "true is not supported: tokens of Gemma are found wherever they stand");
  }
  bool normalized = false, special = false;
  if (!readFlag(token, "special", false, field + ".", special) ||
      !readFlag(token, "normalized", !special, field + ".", normalized))
    return false;
  const std::string &text = *content.get_ptr<const std::string *>();
  if (text.empty())
    return fail(field + ".content", "is empty");
  if (!checkLength(field + ".content", text))
    return false;
  const uint32_t id = number.get<uint32_t>();
  const int32_t known = find(text);
  if (known >= 0 && uint32_t(known) != id)
    return fail(field + ".id",
                inQuotes(text) + " has id " + Twine(id) + " here, but is token " + Twine(known));
  if (known < 0) {
    if (id < tokenizer.pieces.size() && !tokenizer.pieces[id].empty())
      return fail(field + ".id", Twine(id) + " is the id of " + inQuotes(tokenizer.pieces[id]));
    if (id >= tokenizer.pieces.size())
      tokenizer.pieces.resize(id + 1);
    tokenizer.pieces[id] = text;
    ids[text] = id;
  }
  for (const Tokenizer::Added &other : tokenizer.added)
    if (other.id == id)
      return fail(field, inQuotes(text) + " is added twice");
  tokenizer.special.resize(tokenizer.pieces.size());
  tokenizer.special[id] = special;
  tokenizer.added.push_back({id, normalized, known >= 0});
  return true;
}

bool Reader::readAdded(const json &added) {
  tokenizer.special.resize(tokenizer.pieces.size());
  if (added.is_null())
    return true;
  constexpr size_t kMostAdded = 1 << 14;
  if (!added.is_array() || added.size() > kMostAdded)
    return fail("added_tokens", "must be a list of at most " + Twine(kMostAdded) + " tokens");
  for (size_t i = 0; i < added.size(); ++i)
    if (!readAddedToken(added[i], "added_tokens[" + std::to_string(i) + "]"))
      return false;
  return true;
}

bool Reader::readPostProcessor(const json &processor) {
  if (processor.is_null())
    return true;
  if (!processor.is_object() || member(processor, "type") != "TemplateProcessing" ||
      !member(processor, "single").is_array())
    return fail("post_processor",
                shown(processor) + " is not supported: Gemma has none, or a TemplateProcessing");
  const json &single = member(processor, "single");
  const size_t count = single.size();
  const json last = count == 0 ? json() : member(single[count - 1], "Sequence");
  const json first = count != 2 ? json() : member(single[0], "SpecialToken");
  const bool named = member(first, "id").is_string();
  if (count == 0 || count > 2 || !last.is_object() || (count == 2 && !named))
    return fail("post_processor.single",
                shown(single) + " is not supported: text may follow one special token, bos");
  if (named) {
    firstSpecial = *member(first, "id").get_ptr<const std::string *>();
    if (find(firstSpecial) < 0)
      return fail("post_processor.single[0]", inQuotes(firstSpecial) + " is no token");
  }
  return true;
}

Error Reader::read(const json &root) {
  if (!refuseUnknownFields(root, "",
                           {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                            "post_processor", "decoder", "model"}) ||
      !readNormalizers(root) || !readModel(member(root, "model")) ||
      !readAdded(member(root, "added_tokens")) || !readPostProcessor(member(root, "post_processor")))
    return takeError();
  return Error::success();
}

/// A token that the configuration names by its text or by an object with its text; if the key is absent, the
/// usual one.
bool Reader::nameToken(const json &config, const char *key, const char *usual, int32_t &id) {
  auto found = config.find(key);
  if (found == config.end()) {
    id = find(usual);
    return true;
  }
  const json value = found->is_object() ? member(*found, "content") : *found;
  if (value.is_null())
    return true;
  if (!value.is_string())
    return fail(key, "must be a token's text, but is " + shown(*found));
  id = find(*value.get_ptr<const std::string *>());
  return id >= 0 || fail(key, shown(value) + " is no token of tokenizer.json");
}

void Reader::takeDefaults() {
  tokenizer.bos = find(firstSpecial.empty() ? "<bos>" : firstSpecial);
  tokenizer.eos = find("<eos>");
  tokenizer.pad = find("<pad>");
}

Error Reader::readConfig(const std::string &configFile, const json &config) {
  file = configFile;
  if (!nameToken(config, "bos_token", firstSpecial.empty() ? "<bos>" : firstSpecial.c_str(), tokenizer.bos) ||
      !nameToken(config, "eos_token", "<eos>", tokenizer.eos))
    return takeError();
  if (!nameToken(config, "pad_token", "<pad>", tokenizer.pad)) {
    // Nothing is padded here.
    tokenizer.pad = -1;
    tokenizer.remarks.push_back(file + ": " + problem + "; it is left out");
  }
  if (!firstSpecial.empty() && tokenizer.bos != find(firstSpecial)) {
    fail("bos_token", "is not " + inQuotes(firstSpecial) + ", which tokenizer.json puts before text");
    return takeError();
  }
  return Error::success();
}

Expected<Tokenizer> gemmac::readTokenizerJson(const std::string &directory) {
  Tokenizer tokenizer;
  const std::string path = pathIn(directory, "tokenizer.json");
  Reader reader(path, tokenizer);
  {
    // The parsed tree of a large file is ten times its size: it is freed as soon as it has been read.
    Expected<json> root = readJsonFile(path, kLargestFile);
    if (!root)
      return root.takeError();
    if (Error error = reader.read(*root))
      return std::move(error);
  }
  const std::string configPath = pathIn(directory, "tokenizer_config.json");
  json config = json::object();
  if (llvm::sys::fs::exists(configPath)) {
    Expected<json> read = readJsonFile(configPath);
    if (!read)
      return read.takeError();
    config = std::move(*read);
    if (Error error = reader.readConfig(configPath, config))
      return std::move(error);
  } else {
    reader.takeDefaults();
  }
  readChatTemplate(directory, config, tokenizer);
  tokenizer.addBos = tokenizer.bos >= 0;
  return tokenizer;
}
