//===- TokenRows.cpp - tokens that the model has a row for ----------------------------------------------===//

#include "compiler/package/TokenRows.h"

#include "compiler/import/JsonFile.h"
#include "runtime/tokenizer/Tables.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>

using namespace gemmac;
using llvm::Error;
using llvm::Twine;

/// A character or a byte, which text becomes before merging.
static bool isSymbol(const std::string &piece) {
  uint32_t codePoint = 0;
  return isByteToken(piece.data(), piece.size()) ||
         readUtf8(reinterpret_cast<const uint8_t *>(piece.data()), piece.size(), codePoint) == piece.size();
}

/// The first token from `rows` on that encoding may emit for ordinary text, and how; -1: none.
static int64_t findNeeded(const Tokenizer &tokenizer, size_t rows, const char *&how) {
  std::vector<bool> only(tokenizer.pieces.size()); // matched as a whole
  for (const Tokenizer::Added &added : tokenizer.added)
    only[added.id] = !added.inModel;
  int64_t least = -1;
  auto need = [&](size_t id, const char *why) {
    if (id < rows || (least >= 0 && id >= size_t(least)))
      return;
    least = int64_t(id);
    how = why;
  };
  for (const Tokenizer::Merge &merge : tokenizer.merges)
    need(merge.merged, "which merges make");
  for (size_t id = rows; id < tokenizer.pieces.size(); ++id)
    if (const std::string &piece = tokenizer.pieces[id]; !piece.empty() && !only[id] && isSymbol(piece))
      need(id, "of which text is made");
  if (tokenizer.unk >= 0)
    need(size_t(tokenizer.unk), "which stands for unknown characters");
  if (tokenizer.bos >= 0 && tokenizer.addBos)
    need(size_t(tokenizer.bos), "with which prompts begin");
  return least;
}

static std::string named(const Tokenizer &tokenizer, size_t id) {
  return (inQuotes(tokenizer.pieces[id]) + " (" + Twine(id) + ")").str();
}

Error gemmac::leaveOutTokensWithoutRow(Tokenizer &tokenizer, int64_t rows, const std::string &checkpoint) {
  const auto kept = size_t(rows);
  if (tokenizer.pieces.size() <= kept)
    return Error::success();
  const char *how = "";
  if (int64_t needed = findNeeded(tokenizer, kept, how); needed >= 0)
    return fileError(checkpoint, "the tokenizer has " + Twine(tokenizer.pieces.size()) +
                                     " tokens, but the model's tables are short: they have " + Twine(rows) +
                                     " rows, none for " + named(tokenizer, size_t(needed)) + ", " + how);

  std::string names;
  size_t count = 0;
  constexpr size_t kMostNamed = 8;
  for (size_t id = kept; id < tokenizer.pieces.size(); ++id)
    if (!tokenizer.pieces[id].empty() && ++count <= kMostNamed)
      names += (count > 1 ? ", " : "") + named(tokenizer, id);
  if (count > kMostNamed)
    names += ", …";
  if (count > 0)
    tokenizer.remarks.push_back((Twine(checkpoint) + ": the model's tables have " + Twine(rows) +
                                 " rows, none for " + Twine(count) +
                                 (count == 1 ? " token of the tokenizer, which is left out: "
                                             : " tokens of the tokenizer, which are left out: ") +
                                 names)
                                    .str());
  tokenizer.pieces.resize(kept);
  tokenizer.special.resize(std::min(tokenizer.special.size(), kept));
  // Nothing makes what they join.
  llvm::erase_if(tokenizer.merges,
                 [&](const Tokenizer::Merge &merge) { return merge.left >= kept || merge.right >= kept; });
  llvm::erase_if(tokenizer.added, [&](const Tokenizer::Added &added) { return added.id >= kept; });
  for (int32_t *id : {&tokenizer.bos, &tokenizer.eos, &tokenizer.pad})
    if (*id >= rows)
      *id = -1;
  return Error::success();
}
