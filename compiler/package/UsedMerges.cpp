#include "compiler/package/UsedMerges.h"

#include "runtime/tokenizer/Tables.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/DenseMap.h"

#include <algorithm>

using namespace gemmac;

/// In bytes, more than Gemma's longest: the search is quadratic in it.
static constexpr size_t kLongestSearched = 256;

namespace {

class Search {
public:
  explicit Search(const Tokenizer &tokenizer) : tokenizer(tokenizer) {
    ranks.reserve(unsigned(tokenizer.merges.size()));
    for (uint32_t rank = 0; rank < tokenizer.merges.size(); ++rank)
      ranks[pairOf(tokenizer.merges[rank].left, tokenizer.merges[rank].right)] = rank; // the later counts
  }

  /// The rank of the merge that a token's text ends with; kNoToken if it ends with more than one symbol.
  uint32_t lastMerge(const std::string &piece, llvm::function_ref<uint32_t(uint32_t)> ofCharacter);

private:
  static uint64_t pairOf(uint32_t left, uint32_t right) { return uint64_t(left) << 32 | right; }

  const Tokenizer &tokenizer;
  llvm::DenseMap<uint64_t, uint32_t> ranks;
  std::vector<uint32_t> symbols, next; ///< `next`: rank of each symbol's merge with the following one
};

} // namespace

uint32_t Search::lastMerge(const std::string &piece, llvm::function_ref<uint32_t(uint32_t)> ofCharacter) {
  symbols.clear();
  for (size_t at = 0; at < piece.size();) {
    uint32_t codePoint = 0;
    const size_t size =
        readUtf8(reinterpret_cast<const uint8_t *>(piece.data()) + at, piece.size() - at, codePoint);
    const uint32_t id = size ? ofCharacter(codePoint) : kNoToken;
    if (id == kNoToken)
      return kNoToken; // a byte or unk stands there, and neither merges
    symbols.push_back(id);
    at += size;
  }
  const auto rankAt = [&](size_t i) {
    const auto found = ranks.find(pairOf(symbols[i], symbols[i + 1]));
    return found == ranks.end() ? kNoToken : found->second;
  };
  next.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    next.push_back(rankAt(i));
  uint32_t last = kNoToken;
  while (!next.empty()) {
    const size_t at = size_t(std::min_element(next.begin(), next.end()) - next.begin());
    last = next[at];
    if (last == kNoToken)
      return kNoToken;
    symbols[at] = tokenizer.merges[last].merged;
    symbols.erase(symbols.begin() + ptrdiff_t(at) + 1);
    next.erase(next.begin() + ptrdiff_t(at));
    if (at < next.size())
      next[at] = rankAt(at);
    if (at != 0)
      next[at - 1] = rankAt(at - 1);
  }
  return last;
}

std::vector<Tokenizer::Merge> gemmac::usedMerges(const Tokenizer &tokenizer,
                                                 llvm::function_ref<uint32_t(uint32_t)> ofCharacter) {
  Search search(tokenizer);
  std::vector<bool> seen(tokenizer.pieces.size()), used(tokenizer.merges.size());
  for (uint32_t rank = 0; rank < used.size(); ++rank) {
    const uint32_t id = tokenizer.merges[rank].merged;
    if (tokenizer.pieces[id].size() > kLongestSearched) {
      used[rank] = true;
      continue;
    }
    if (seen[id])
      continue;
    seen[id] = true;
    const uint32_t last = search.lastMerge(tokenizer.pieces[id], ofCharacter);
    if (last != kNoToken)
      used[last] = true;
  }
  std::vector<Tokenizer::Merge> merges;
  for (size_t rank = 0; rank < used.size(); ++rank)
    if (used[rank])
      merges.push_back(tokenizer.merges[rank]);
  return merges;
}
