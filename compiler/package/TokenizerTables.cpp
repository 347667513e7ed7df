#include "compiler/package/TokenizerTables.h"

#include "compiler/package/UsedMerges.h"
#include "runtime/tokenizer/Tables.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <bit>

using namespace gemmac;

namespace {

/// The token of a character or a byte. Added tokens outside the model's vocabulary are matched only as a
/// whole.
struct Symbols {
  std::vector<uint16_t> charPages;
  std::vector<uint32_t> charIds;
  std::vector<uint32_t> byteIds;

  explicit Symbols(const Tokenizer &tokenizer);
  uint32_t ofCharacter(uint32_t codePoint) const {
    return charIds[charPages[codePoint >> 8] << 8 | (codePoint & 0xff)];
  }
};

struct Slots {
  std::vector<uint32_t> slots;
  uint32_t rankBits;
};

} // namespace

Symbols::Symbols(const Tokenizer &tokenizer)
    : charPages(kCodePointPages, 0), charIds(256, kNoToken), byteIds(256, kNoToken) {
  std::vector<bool> onlyAdded(tokenizer.pieces.size());
  for (const Tokenizer::Added &added : tokenizer.added)
    onlyAdded[added.id] = !added.inModel;
  for (uint32_t id = 0; id < tokenizer.pieces.size(); ++id) {
    const std::string &piece = tokenizer.pieces[id];
    if (piece.empty() || onlyAdded[id])
      continue;
    // Encoding looks for <0xAB> in upper case only; decoding accepts lower case too.
    const bool upper = std::none_of(piece.begin(), piece.end(), [](char c) { return c >= 'a' && c <= 'f'; });
    if (isByteToken(piece.data(), piece.size()) && upper)
      byteIds[byteOfToken(piece.data())] = id;
    uint32_t codePoint = 0;
    if (readUtf8(reinterpret_cast<const uint8_t *>(piece.data()), piece.size(), codePoint) != piece.size())
      continue;
    // Page 0 of char_ids is shared by all pages without a token.
    uint16_t &page = charPages[codePoint >> 8];
    if (page == 0) {
      page = uint16_t(charIds.size() >> 8);
      charIds.resize(charIds.size() + 256, kNoToken);
    }
    charIds[page << 8 | (codePoint & 0xff)] = id;
  }
}

/// Half of the slots stay empty, so that most look-ups take one probe. Of two equal merges the later one
/// wins.
static Slots hashMerges(const std::vector<Tokenizer::Merge> &merges) {
  Slots table;
  table.rankBits = uint32_t(std::bit_width(merges.size()));
  table.slots.assign(std::bit_ceil(2 * merges.size() + 2), 0);
  const uint32_t mask = uint32_t(table.slots.size() - 1), rankMask = (uint32_t(1) << table.rankBits) - 1;
  for (uint32_t rank = 0; rank < merges.size(); ++rank) {
    const Tokenizer::Merge &merge = merges[rank];
    const uint64_t hash = hashPair(merge.left, merge.right);
    const auto isFree = [&](uint32_t slot) {
      if (slot == 0)
        return true;
      const Tokenizer::Merge &other = merges[(slot & rankMask) - 1];
      return other.left == merge.left && other.right == merge.right;
    };
    uint32_t at = uint32_t(hash) & mask;
    while (!isFree(table.slots[at]))
      at = (at + 1) & mask;
    table.slots[at] = mergeTag(hash, table.rankBits) | (rank + 1);
  }
  return table;
}

static uint32_t firstCharacter(const std::string &piece) {
  uint32_t codePoint = 0;
  readUtf8(reinterpret_cast<const uint8_t *>(piece.data()), piece.size(), codePoint);
  return codePoint;
}

static uint32_t lastCharacter(const std::string &piece) {
  size_t begin = piece.size() - 1;
  while (begin > 0 && (uint8_t(piece[begin]) & 0xc0) == 0x80)
    --begin;
  return firstCharacter(piece.substr(begin));
}

/// A merge crosses from the last character of its left part to the first of its right part, and from no other
/// to any other. This is true as long as all symbols are characters: with merges of bytes or unk there are no
/// cuts.
static std::vector<uint64_t> findJunctions(const Tokenizer &tokenizer,
                                           const std::vector<Tokenizer::Merge> &merges,
                                           const Symbols &symbols) {
  std::vector<bool> alone(tokenizer.pieces.size());
  for (uint32_t id : symbols.byteIds)
    if (id != kNoToken)
      alone[id] = true;
  if (tokenizer.unk >= 0)
    alone[size_t(tokenizer.unk)] = true;
  std::vector<uint64_t> hashes;
  hashes.reserve(merges.size());
  for (const Tokenizer::Merge &merge : merges) {
    const std::string &left = tokenizer.pieces[merge.left], &right = tokenizer.pieces[merge.right];
    if (alone[merge.left] || alone[merge.right] || left.empty() || right.empty())
      return {};
    const uint32_t last = symbols.ofCharacter(lastCharacter(left)),
                   first = symbols.ofCharacter(firstCharacter(right));
    if (last != kNoToken && first != kNoToken) // otherwise no text can reach this merge
      hashes.push_back(hashPair(last, first));
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  // At least 8 bits a pair: fewer than one in eight pairs is a false positive.
  const uint64_t bits = std::bit_ceil(std::max<uint64_t>(64, hashes.size() * 8));
  std::vector<uint64_t> words(bits / 64);
  for (uint64_t hash : hashes)
    words[junctionBit(hash, bits) >> 6] |= uint64_t(1) << (junctionBit(hash, bits) & 63);
  return words;
}

static std::string normalize(const std::string &text) {
  std::string normalized;
  for (char c : text)
    normalized += c == ' ' ? std::string("▁") : std::string(1, c);
  return normalized;
}

static std::vector<format::TrieNode> buildTrie(const Tokenizer &tokenizer, bool normalized) {
  std::vector<std::pair<std::string, uint32_t>> texts;
  for (const Tokenizer::Added &added : tokenizer.added)
    if (added.normalized == normalized) {
      const std::string &piece = tokenizer.pieces[added.id];
      texts.emplace_back(normalized ? normalize(piece) : piece, added.id);
    }
  if (texts.empty())
    return {};
  std::stable_sort(texts.begin(), texts.end(),
                   [](const auto &a, const auto &b) { return a.first < b.first; });

  /// Texts that begin with the same `depth` bytes, of which `label` is the last, are neighbours.
  struct Range {
    size_t first, last, depth;
    uint8_t label;
  };
  std::vector<format::TrieNode> nodes;
  // Breadth first, so that siblings are adjacent.
  std::vector<Range> order = {{0, texts.size(), 0, 0}};
  for (size_t i = 0; i < order.size(); ++i) {
    auto [at, last, depth, label] = order[i];
    const size_t firstChild = order.size();
    uint32_t token = kNoToken;
    for (; at < last && texts[at].first.size() == depth; ++at)
      token = texts[at].second; // of equal texts the later one counts
    while (at < last) {
      const auto next = uint8_t(texts[at].first[depth]);
      const size_t begin = at;
      while (at < last && uint8_t(texts[at].first[depth]) == next)
        ++at;
      order.push_back({begin, at, depth + 1, next});
    }
    nodes.emplace_back(uint32_t(firstChild), token, uint16_t(order.size() - firstChild), label);
  }
  return nodes;
}

flatbuffers::Offset<format::Tokenizer> gemmac::buildTokenizer(flatbuffers::FlatBufferBuilder &builder,
                                                              const Tokenizer &tokenizer) {
  std::vector<uint8_t> text, kinds;
  std::vector<uint32_t> starts = {0};
  size_t longest = 0;
  for (size_t id = 0; id < tokenizer.pieces.size(); ++id) {
    const std::string &piece = tokenizer.pieces[id];
    text.insert(text.end(), piece.begin(), piece.end());
    starts.push_back(uint32_t(text.size()));
    longest = std::max(longest, piece.size());
    kinds.push_back((id < tokenizer.special.size() && tokenizer.special[id] ? kSpecialToken : 0) |
                    (isByteToken(piece.data(), piece.size()) ? kByteToken : 0));
  }
  for (const Tokenizer::Added &added : tokenizer.added)
    kinds[added.id] |= kAddedToken;

  const Symbols symbols(tokenizer);
  std::vector<Tokenizer::Merge> merges = tokenizer.merges;
  std::vector<uint64_t> junctions = findJunctions(tokenizer, merges, symbols);
  // Where bytes or unk merge, a token's text is not all that it can be made of.
  if (!junctions.empty()) {
    merges = usedMerges(tokenizer, [&](uint32_t codePoint) { return symbols.ofCharacter(codePoint); });
    junctions = findJunctions(tokenizer, merges, symbols);
  }
  const Slots slots = hashMerges(merges);
  std::vector<format::Merge> pairs;
  pairs.reserve(merges.size());
  for (const Tokenizer::Merge &merge : merges)
    pairs.emplace_back(merge.left, merge.right, merge.merged);
  const auto textOffset = builder.CreateVector(text);
  const auto startsOffset = builder.CreateVector(starts);
  const auto kindsOffset = builder.CreateVector(kinds);
  const auto byteIdsOffset = builder.CreateVector(symbols.byteIds);
  const auto charPagesOffset = builder.CreateVector(symbols.charPages);
  const auto charIdsOffset = builder.CreateVector(symbols.charIds);
  const auto mergesOffset = builder.CreateVectorOfStructs(pairs);
  const auto slotsOffset = builder.CreateVector(slots.slots);
  const auto junctionsOffset = builder.CreateVector(junctions);
  const auto addedOffset = builder.CreateVectorOfStructs(buildTrie(tokenizer, false));
  const auto normalizedOffset = builder.CreateVectorOfStructs(buildTrie(tokenizer, true));
  const auto chatTemplateOffset = builder.CreateString(tokenizer.chatTemplate);

  format::TokenizerBuilder table(builder);
  table.add_vocab_size(uint32_t(tokenizer.pieces.size()));
  table.add_add_bos(tokenizer.addBos);
  table.add_bos(tokenizer.bos);
  table.add_eos(tokenizer.eos);
  table.add_pad(tokenizer.pad);
  table.add_unk(tokenizer.unk);
  table.add_fuse_unk(tokenizer.fuseUnk);
  table.add_longest_piece(uint32_t(longest));
  table.add_chat_template(chatTemplateOffset);
  table.add_text(textOffset);
  table.add_starts(startsOffset);
  table.add_kinds(kindsOffset);
  table.add_byte_ids(byteIdsOffset);
  table.add_char_pages(charPagesOffset);
  table.add_char_ids(charIdsOffset);
  table.add_merges(mergesOffset);
  table.add_merge_slots(slotsOffset);
  table.add_rank_bits(uint8_t(slots.rankBits));
  table.add_junctions(junctionsOffset);
  table.add_added(addedOffset);
  table.add_added_normalized(normalizedOffset);
  return table.Finish();
}

flatbuffers::DetachedBuffer gemmac::buildTokenizerTables(const Tokenizer &tokenizer) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(buildTokenizer(builder, tokenizer));
  return builder.Release();
}
