#include "runtime/tokenizer/Vocabulary.h"

#include "runtime/format/tokenizer_generated.h"

using namespace gemmac;

static bool isPowerOfTwo(uint64_t n) {
  return n != 0 && (n & (n - 1)) == 0;
}

static bool openTrie(Vocabulary::Trie &trie, const flatbuffers::Vector<const format::TrieNode *> &nodes,
                     bool normalized) {
  trie.nodes = reinterpret_cast<const format::TrieNode *>(nodes.Data());
  trie.count = nodes.size();
  trie.normalized = normalized;
  if (trie.empty())
    return true;
  const format::TrieNode &root = trie.nodes[0];
  if (uint64_t(root.first_child()) + root.children() > trie.count)
    return false;
  for (uint32_t i = 0; i < root.children(); ++i) {
    const uint8_t label = trie.nodes[root.first_child() + i].label();
    trie.firstBytes[label >> 6] |= uint64_t(1) << (label & 63);
    if (normalized && label == 0xe2) // first byte of ▁, which replaces a space
      trie.firstBytes[0] |= uint64_t(1) << ' ';
  }
  return true;
}

/// The verifier of FlatBuffers looks at where a vector's length stands, not at its numbers. (An empty
/// vector's end stands anywhere.)
static bool isAligned(const flatbuffers::Vector<uint64_t> &numbers) {
  return numbers.size() == 0 || reinterpret_cast<uintptr_t>(numbers.Data()) % alignof(uint64_t) == 0;
}

bool Vocabulary::open(const format::Tokenizer &tables) {
  size_ = tables.vocab_size();
  bos_ = tables.bos();
  eos_ = tables.eos();
  pad_ = tables.pad();
  unk_ = tables.unk() < 0 ? kNoToken : uint32_t(tables.unk());
  addBos_ = tables.add_bos();
  fuseUnk_ = tables.fuse_unk();
  longestPiece_ = tables.longest_piece();
  text_ = reinterpret_cast<const char *>(tables.text()->data());
  textSize_ = tables.text()->size();
  starts_ = tables.starts()->data();
  kinds_ = tables.kinds()->data();
  byteIds_ = tables.byte_ids()->data();
  charPages_ = tables.char_pages()->data();
  charIds_ = tables.char_ids()->data();
  charPageCount_ = tables.char_ids()->size() >> 8;
  merges_ = reinterpret_cast<const format::Merge *>(tables.merges()->Data());
  mergeCount_ = tables.merges()->size();
  slots_ = tables.merge_slots()->data();
  slotMask_ = tables.merge_slots()->size() - 1;
  rankBits_ = tables.rank_bits();
  junctions_ = tables.junctions()->size() ? tables.junctions()->data() : nullptr;
  junctionBits_ = junctions_ ? uint64_t(tables.junctions()->size()) * 64 : 64;
  const auto inside = [&](int32_t id) { return id >= -1 && (id < 0 || uint32_t(id) < size_); };
  return uint64_t(tables.starts()->size()) == uint64_t(size_) + 1 && tables.kinds()->size() == size_ &&
         tables.byte_ids()->size() == 256 && tables.char_pages()->size() == kCodePointPages &&
         isPowerOfTwo(tables.merge_slots()->size()) && rankBits_ < 32 && isPowerOfTwo(junctionBits_) &&
         isAligned(*tables.junctions()) && inside(tables.bos()) && inside(tables.eos()) &&
         inside(tables.pad()) && inside(tables.unk()) && openTrie(added_, *tables.added(), false) &&
         openTrie(addedNormalized_, *tables.added_normalized(), true);
}

Vocabulary::Piece Vocabulary::piece(uint32_t id) const {
  if (id >= size_ || starts_[id] > starts_[id + 1] || starts_[id + 1] > textSize_ ||
      starts_[id + 1] - starts_[id] > longestPiece_)
    return {nullptr, 0};
  return {text_ + starts_[id], starts_[id + 1] - starts_[id]};
}

uint32_t Vocabulary::rank(uint32_t left, uint32_t right, uint64_t hash) const {
  const uint32_t tag = mergeTag(hash, rankBits_), rankMask = (uint32_t(1) << rankBits_) - 1;
  uint32_t at = uint32_t(hash) & slotMask_;
  // Valid tables have empty slots; the bound on steps is for damaged ones.
  for (uint32_t step = 0; step <= slotMask_; ++step, at = (at + 1) & slotMask_) {
    const uint32_t slot = slots_[at];
    if (slot == 0)
      return kNoRank;
    const uint32_t rank = (slot & rankMask) - 1;
    if ((slot & ~rankMask) == tag && rank < mergeCount_ && merges_[rank].left() == left &&
        merges_[rank].right() == right)
      return rank;
  }
  return kNoRank;
}

uint32_t Vocabulary::merged(uint32_t rank) const {
  return merges_[rank].merged();
}

bool Vocabulary::beginsWithBos(const uint8_t *text, size_t size) const {
  const Trie *const tries[] = {&added_, &addedNormalized_};
  for (const Trie *trie : tries) {
    uint32_t token = kNoToken;
    if (size != 0 && trie->mayBegin(*text) && trie->match(text, size, token) != 0)
      return int32_t(token) == bos_;
  }
  return false;
}

size_t Vocabulary::Trie::match(const uint8_t *text, size_t size, uint32_t &token) const {
  static const uint8_t kMark[3] = {0xe2, 0x96, 0x81}; // ▁
  size_t longest = 0, used = 0;
  const format::TrieNode *node = nodes;
  while (used < size) {
    const bool space = normalized && text[used] == ' ';
    for (int i = 0; i < (space ? 3 : 1); ++i) {
      const uint8_t label = space ? kMark[i] : text[used];
      uint32_t low = node->first_child(), high = low + node->children();
      if (high > count || high < low)
        return longest;
      while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (nodes[middle].label() < label)
          low = middle + 1;
        else
          high = middle;
      }
      if (low >= node->first_child() + node->children() || nodes[low].label() != label)
        return longest;
      node = nodes + low;
    }
    ++used;
    if (node->token() != kNoToken) {
      token = node->token();
      longest = used;
    }
  }
  return longest;
}
