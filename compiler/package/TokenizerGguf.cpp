#include "compiler/package/TokenizerGguf.h"

#include "compiler/import/GgufGeneration.h"
#include "compiler/import/JsonFile.h"
#include "compiler/package/ChatTemplate.h"
#include "runtime/tokenizer/Tables.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace gemmac;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr uint64_t kMostTokens = 1 << 21; // eight times Gemma's
static constexpr size_t kMostAdded = 1 << 14;

static constexpr StringRef kModel = "tokenizer.ggml.model";
static constexpr StringRef kPre = "tokenizer.ggml.pre";
static constexpr StringRef kTokens = "tokenizer.ggml.tokens";
static constexpr StringRef kTypes = "tokenizer.ggml.token_type";
static constexpr StringRef kScores = "tokenizer.ggml.scores";
static constexpr StringRef kMerges = "tokenizer.ggml.merges";

namespace {

/// Numbered as in files.
enum TokenType : int64_t { normal = 1, unknown, control, userDefined, unused, byte };

class Reader {
public:
  Reader(const GgufFile &file, Tokenizer &tokenizer) : file(file), tokenizer(tokenizer) {}

  Error read();

private:
  Error readTokens();
  Error readTypes();
  Error readNamedTokens();
  void readChatTemplate();
  Error nameToken(StringRef key, StringRef usual, int32_t &id);
  Error refuse(StringRef key, StringRef why);
  enum class Ranks { scores, merges, agreeing };
  Expected<Ranks> chooseRanks() const;
  Error readMerges();
  Error compareWithScores() const;
  Error mergeByScore();
  Error checkCharacters() const;
  template <typename T>
  Expected<std::vector<T>> listOf(StringRef key, GgufFile::Maybe<std::vector<T>> found) const;
  int32_t find(StringRef text) const {
    auto found = ids.find(text);
    return found == ids.end() ? -1 : int32_t(found->second);
  }

  const GgufFile &file;
  Tokenizer &tokenizer;
  std::vector<int64_t> types;
  llvm::StringMap<uint32_t> ids;
};

} // namespace

template <typename T>
Expected<std::vector<T>> Reader::listOf(StringRef key, GgufFile::Maybe<std::vector<T>> found) const {
  if (!found)
    return found.takeError();
  if (!*found)
    return file.keyError(key, "is missing");
  if (!tokenizer.pieces.empty() && (*found)->size() != tokenizer.pieces.size())
    return file.keyError(key, "has " + Twine((*found)->size()) + " elements, but there are " +
                                  Twine(tokenizer.pieces.size()) + " tokens");
  return std::move(**found);
}

Error Reader::readTokens() {
  Expected<std::vector<std::string_view>> tokens = listOf(kTokens, file.strings(kTokens));
  if (!tokens)
    return tokens.takeError();
  if (tokens->empty() || tokens->size() > kMostTokens)
    return file.keyError(kTokens, "has " + Twine(tokens->size()) + " elements, but must have 1 to " +
                                      Twine(kMostTokens));
  tokenizer.pieces.reserve(tokens->size());
  for (std::string_view token : *tokens) {
    const auto id = uint32_t(tokenizer.pieces.size());
    if (token.size() > kLongestToken)
      return file.keyError(kTokens, "token " + Twine(id) + " has " + Twine(token.size()) +
                                        " bytes, but at most " + Twine(kLongestToken) + " are read");
    if (!llvm::json::isUTF8(token))
      return file.keyError(kTokens, "token " + Twine(id) + " is not UTF-8");
    if (!token.empty() && !ids.try_emplace(token, id).second)
      return file.keyError(kTokens, inQuotes(token) + " is token " + Twine(ids[token]) + " and " + Twine(id));
    tokenizer.pieces.emplace_back(token);
  }
  return Error::success();
}

/// Token types say which tokens are matched in the text before merging, and which of these are special (not
/// shown).
Error Reader::readTypes() {
  Expected<std::vector<int64_t>> found = listOf(kTypes, file.integers(kTypes));
  if (!found)
    return found.takeError();
  types = std::move(*found);
  tokenizer.special.resize(types.size());
  for (uint32_t id = 0; id < types.size(); ++id) {
    if (types[id] < normal || types[id] > byte)
      return file.keyError(kTypes,
                           "element " + Twine(id) + " is " + Twine(types[id]) + ", but must be from 1 to 6");
    tokenizer.special[id] = types[id] == unknown || types[id] == control;
    if ((tokenizer.special[id] || types[id] == userDefined) && !tokenizer.pieces[id].empty())
      tokenizer.added.push_back({id, /*normalized=*/false, /*inModel=*/true});
  }
  if (tokenizer.added.size() > kMostAdded)
    return file.keyError(kTypes, Twine(tokenizer.added.size()) +
                                     " tokens are unknown, control or user-defined, but at most " +
                                     Twine(kMostAdded) + " are read");
  return Error::success();
}

/// The token under a key; without the key, the usual one, if there is such a token.
Error Reader::nameToken(StringRef key, StringRef usual, int32_t &id) {
  Expected<std::optional<int32_t>> found = readGgufTokenId(file, key, int64_t(tokenizer.pieces.size()));
  if (!found)
    return found.takeError();
  id = found->value_or(find(usual));
  return Error::success();
}

Error Reader::readNamedTokens() {
  if (Error error = nameToken("tokenizer.ggml.bos_token_id", "<bos>", tokenizer.bos))
    return error;
  if (Error error = nameToken("tokenizer.ggml.eos_token_id", "<eos>", tokenizer.eos))
    return error;
  if (Error error = nameToken("tokenizer.ggml.padding_token_id", "<pad>", tokenizer.pad))
    return error;
  if (Error error = nameToken("tokenizer.ggml.unknown_token_id", "<unk>", tokenizer.unk))
    return error;
  tokenizer.addBos = tokenizer.bos >= 0;
  readChatTemplate();
  return Error::success();
}

/// Of several templates the default one; where it stands under a name of its own, files list all names. No
/// code depends on it.
void Reader::readChatTemplate() {
  constexpr StringRef kTemplate = "tokenizer.chat_template";
  for (const std::string &key : {kTemplate.str(), (kTemplate + ".default").str()}) {
    GgufFile::Maybe<std::string_view> text = file.string(key);
    if (!text) {
      tokenizer.remarks.push_back(llvm::toString(text.takeError()) + "; the chat template is left out");
    } else if (*text) {
      return takeChatTemplate(std::string(**text), file.path(), tokenizer);
    }
  }
}

/// A flag that must be false. It is so where it is left out: it is in every Gemma.
Error Reader::refuse(StringRef key, StringRef why) {
  GgufFile::Maybe<bool> flag = file.boolean(key);
  if (!flag)
    return flag.takeError();
  if (flag->value_or(false))
    return file.keyError(key, "is true, but must be false: " + why);
  return Error::success();
}

/// Whether scores say which tokens merge first, or a list of merges. The names of the tokenizer's kind are
/// those of llama.cpp: 'gemma4' has merges, 'llama' has scores. Ollama writes 'llama' or 'gpt2' and says
/// 'gemma4' as the way of splitting before merging. A 'llama' that has merges as well is read if they agree
/// with the scores.
Expected<Reader::Ranks> Reader::chooseRanks() const {
  GgufFile::Maybe<std::string_view> model = file.string(kModel), pre = file.string(kPre);
  if (!model)
    return llvm::joinErrors(model.takeError(), pre.takeError());
  if (!pre)
    return pre.takeError();
  GgufFile::Maybe<std::vector<std::string_view>> merges = file.strings(kMerges);
  if (!merges)
    return merges.takeError();
  const std::string_view kind = model->value_or(""), split = pre->value_or("");
  if (kind != "gemma4" && kind != "llama" && !(kind == "gpt2" && split == "gemma4"))
    return file.keyError(kModel,
                         "is " + inQuotes(kind) + ", but 'gemma4' (merges) or 'llama' (scores) is needed");
  if (kind == "gemma4" && !split.empty() && split != "gemma4" && split != "default")
    return file.keyError(kPre, "is " + inQuotes(split) + ", which contradicts " + inQuotes(kModel) +
                                   ", 'gemma4': text of Gemma is not split before merging");
  if (kind != "llama" || split == "gemma4")
    return Ranks::merges;
  return *merges && !(*merges)->empty() ? Ranks::agreeing : Ranks::scores;
}

/// Where a file has both, scores of tokens that merge must be in the order of merges. Those that only count
/// tokens, or are all the same, say nothing.
Error Reader::compareWithScores() const {
  GgufFile::Maybe<std::vector<double>> found = file.numbers(kScores);
  if (!found)
    return found.takeError();
  if (!*found || (*found)->size() != tokenizer.pieces.size() || tokenizer.merges.empty())
    return Error::success();
  const std::vector<double> &scores = **found;
  bool counts = true;
  for (size_t id = 0; id < scores.size() && counts; ++id)
    counts = scores[id] == double(id);
  if (counts)
    return Error::success();
  for (size_t rank = 1; rank < tokenizer.merges.size(); ++rank) {
    const uint32_t before = tokenizer.merges[rank - 1].merged, here = tokenizer.merges[rank].merged;
    if (scores[before] < scores[here])
      return file.keyError(kScores, "say that " + inQuotes(tokenizer.pieces[here]) + " merges before " +
                                        inQuotes(tokenizer.pieces[before]) + ", but " + inQuotes(kMerges) +
                                        " say the opposite; " + inQuotes(kPre) +
                                        ", 'gemma4', would say that merges count");
  }
  return Error::success();
}

Error Reader::readMerges() {
  GgufFile::Maybe<std::vector<std::string_view>> merges = file.strings(kMerges);
  if (!merges)
    return merges.takeError();
  if (!*merges)
    return file.keyError(kMerges, "is missing");
  tokenizer.merges.reserve((*merges)->size());
  std::string whole;
  for (const auto &[rank, merge] : llvm::enumerate(**merges)) {
    // A blank may be the left part itself.
    const size_t blank = merge.find(' ', 1);
    if (blank == std::string_view::npos || blank + 1 == merge.size())
      return file.keyError(kMerges, "element " + Twine(rank) + " is " + inQuotes(merge) +
                                        ", but must be two tokens with a blank between them");
    const std::string_view left = merge.substr(0, blank), right = merge.substr(blank + 1);
    whole.assign(left).append(right);
    const int32_t leftId = find(left), rightId = find(right), merged = find(whole);
    if (leftId < 0 || rightId < 0 || merged < 0)
      return file.keyError(kMerges, "element " + Twine(rank) + ": " +
                                        inQuotes(leftId < 0    ? left
                                                 : rightId < 0 ? right
                                                               : std::string_view(whole)) +
                                        " is no token");
    tokenizer.merges.push_back({uint32_t(leftId), uint32_t(rightId), uint32_t(merged)});
  }
  return Error::success();
}

/// Merging starts from characters, so every character of a token must be a token too.
Error Reader::checkCharacters() const {
  for (uint32_t id = 0; id < types.size(); ++id) {
    if (types[id] != normal)
      continue;
    StringRef rest = tokenizer.pieces[id];
    while (!rest.empty()) {
      const size_t size = utf8Length(uint8_t(rest[0]));
      if (find(rest.take_front(size)) < 0)
        return file.keyError(kTokens, "token " + Twine(id) + ", " + inQuotes(tokenizer.pieces[id]) +
                                          ", has the character " + inQuotes(rest.take_front(size)) +
                                          ", which is no token: no merge can make it");
      rest = rest.drop_front(size);
    }
  }
  return Error::success();
}

Error Reader::mergeByScore() {
  Expected<std::vector<double>> scores = listOf(kScores, file.numbers(kScores));
  if (!scores)
    return scores.takeError();
  if (auto nan = llvm::find_if(*scores, [](double score) { return std::isnan(score); }); nan != scores->end())
    return file.keyError(kScores, "element " + Twine(nan - scores->begin()) + " is no number");
  if (Error error = checkCharacters())
    return error;

  std::vector<uint32_t> order(scores->size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](uint32_t a, uint32_t b) { return (*scores)[a] > (*scores)[b]; });
  std::optional<uint32_t> before; // the token that the last merge makes
  for (uint32_t id : order) {
    const StringRef piece = tokenizer.pieces[id];
    // User-defined tokens were matched before, and byte tokens never merge.
    if (types[id] == userDefined || types[id] == byte)
      continue;
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      if ((uint8_t(piece[cut]) & 0xc0) == 0x80)
        continue;
      const int32_t left = find(piece.take_front(cut)), right = find(piece.drop_front(cut));
      if (left < 0 || right < 0 || types[size_t(left)] == byte || types[size_t(right)] == byte)
        continue;
      if (before && *before != id && (*scores)[*before] == (*scores)[id])
        return file.keyError(kScores, "tokens " + inQuotes(tokenizer.pieces[*before]) + " and " +
                                          inQuotes(piece) + " have the same score, " +
                                          std::to_string((*scores)[id]) + ", so that neither merges first");
      tokenizer.merges.push_back({uint32_t(left), uint32_t(right), id});
      before = id;
    }
  }
  return Error::success();
}

Error Reader::read() {
  Expected<Ranks> ranks = chooseRanks();
  if (!ranks)
    return ranks.takeError();
  if (Error error = readTokens())
    return error;
  if (Error error = readTypes())
    return error;
  if (Error error = readNamedTokens())
    return error;
  if (Error error = refuse("tokenizer.ggml.add_space_prefix", "Gemma puts no space before a text"))
    return error;
  if (Error error = refuse("tokenizer.ggml.add_eos_token", "a prompt goes on"))
    return error;
  if (*ranks == Ranks::scores)
    return mergeByScore();
  if (Error error = readMerges())
    return error;
  return *ranks == Ranks::agreeing ? compareWithScores() : Error::success();
}

Expected<Tokenizer> gemmac::readTokenizerGguf(const GgufFile &file) {
  Tokenizer tokenizer;
  if (Error error = Reader(file, tokenizer).read())
    return std::move(error);
  return tokenizer;
}
