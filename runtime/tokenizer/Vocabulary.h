//===- Vocabulary.h - look-ups in a model's tokenizer tables --------------------------------------------===//
//
// A view of the mapped tables (runtime/format/tokenizer.fbs): opening it checks sizes and copies pointers,
// whatever the vocabulary's size. Contents are checked where they are used, so that damaged tables give wrong
// tokens at worst.

#ifndef GEMMAC_RUNTIME_TOKENIZER_VOCABULARY_H
#define GEMMAC_RUNTIME_TOKENIZER_VOCABULARY_H

#include "runtime/tokenizer/Tables.h"

#include <cstddef>
#include <cstdint>

namespace gemmac {

namespace format {
struct Merge;
struct Tokenizer;
struct TrieNode;
} // namespace format

constexpr uint32_t kNoRank = 0xffffffffu;

class Vocabulary {
public:
  struct Piece {
    const char *text;
    size_t size;
  };

  /// Added tokens of one kind. The first are matched in the raw text, the second after spaces became "▁".
  struct Trie {
    const format::TrieNode *nodes = nullptr;
    uint32_t count = 0;
    bool normalized = false;
    uint64_t firstBytes[4] = {}; ///< one bit for each byte that a token can begin with

    bool empty() const { return count == 0; }
    bool mayBegin(uint8_t byte) const { return firstBytes[byte >> 6] >> (byte & 63) & 1; }
    /// The longest token that `text` begins with: its length in `text`, 0 if there is none.
    size_t match(const uint8_t *text, size_t size, uint32_t &token) const;
  };

  /// False if the tables are inconsistent. They must live longer than the vocabulary, aligned to 8.
  bool open(const format::Tokenizer &tables);

  uint32_t size() const { return size_; }
  int32_t bos() const { return bos_; }
  int32_t eos() const { return eos_; }
  int32_t pad() const { return pad_; }
  uint32_t unk() const { return unk_; } ///< or kNoToken
  bool addBos() const { return addBos_; }
  bool fuseUnk() const { return fuseUnk_; }
  uint32_t longestPiece() const { return longestPiece_; } ///< in bytes

  /// The text of a token as in the vocabulary, with ▁ and <0xNN>; empty for an id outside it.
  Piece piece(uint32_t id) const;
  /// Bits of TokenKind; 0 for an id outside the vocabulary.
  uint8_t kind(uint32_t id) const { return id < size_ ? kinds_[id] : 0; }

  uint32_t ofByte(uint8_t byte) const { return byteIds_[byte]; }
  uint32_t ofCharacter(uint32_t codePoint) const {
    const uint32_t page = charPages_[codePoint >> 8];
    return page < charPageCount_ ? charIds_[page << 8 | (codePoint & 0xff)] : kNoToken;
  }

  /// The rank of a merge, or kNoRank; `hash` is hashPair of both.
  uint32_t rank(uint32_t left, uint32_t right, uint64_t hash) const;
  uint32_t merged(uint32_t rank) const;
  /// Whether the tables have junctions.
  bool hasCuts() const { return junctions_ != nullptr; }
  /// Whether any merge can cross from a character to the next; `hash` is hashPair of their tokens. May be a
  /// false positive.
  bool mayJoin(uint64_t hash) const {
    const uint64_t bit = junctionBit(hash, junctionBits_);
    return !junctions_ || (junctions_[bit >> 6] >> (bit & 63) & 1);
  }

  /// Does the text begin with the name of bos, "<bos>", which chat templates write? It is encoded as bos
  /// then.
  bool beginsWithBos(const uint8_t *text, size_t size) const;

  const Trie &added() const { return added_; }
  const Trie &addedNormalized() const { return addedNormalized_; }

private:
  uint32_t size_ = 0;
  int32_t bos_ = -1, eos_ = -1, pad_ = -1;
  uint32_t unk_ = kNoToken;
  bool addBos_ = false, fuseUnk_ = true;
  uint32_t longestPiece_ = 0;
  const char *text_ = nullptr;
  size_t textSize_ = 0;
  const uint32_t *starts_ = nullptr;
  const uint8_t *kinds_ = nullptr;
  const uint32_t *byteIds_ = nullptr;
  const uint16_t *charPages_ = nullptr;
  const uint32_t *charIds_ = nullptr;
  uint32_t charPageCount_ = 0;
  const format::Merge *merges_ = nullptr;
  uint32_t mergeCount_ = 0;
  const uint32_t *slots_ = nullptr;
  uint32_t slotMask_ = 0, rankBits_ = 0;
  const uint64_t *junctions_ = nullptr; // null: any pair may join
  uint64_t junctionBits_ = 64;
  Trie added_, addedNormalized_;
};

} // namespace gemmac

#endif
