//===- Tables.h - what the makers and the readers of tokenizer tables agree on --------------------------===//
//
// The compiler writes the tables of runtime/format/tokenizer.fbs, the runtime reads them; both include this.
// A change here is a change of the package's format.

#ifndef GEMMAC_RUNTIME_TOKENIZER_TABLES_H
#define GEMMAC_RUNTIME_TOKENIZER_TABLES_H

#include <cstdint>

namespace gemmac {

constexpr uint32_t kNoToken = 0xffffffffu;
constexpr uint32_t kCodePointPages = 0x1100; // of 256: all of Unicode
constexpr uint32_t kSpaceMark = 0x2581;      // ▁, which replaces spaces in the vocabulary

/// Bits of `kinds`.
enum TokenKind : uint8_t {
  kSpecialToken = 1, // not shown to users
  kByteToken = 2,    // <0xNN>: stands for that byte
  kAddedToken = 4,   // found in the text before merging begins
};

/// Spreads a pair of tokens over 64 bits (the finisher of SplitMix64).
inline uint64_t hashPair(uint32_t left, uint32_t right) {
  uint64_t h = (uint64_t(left) << 32 | right) + 0x9e3779b97f4a7c15ull;
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ h >> 27) * 0x94d049bb133111ebull;
  return h ^ h >> 31;
}

/// Open addressing with linear probing from slot `hash & (slots - 1)`. The tag comes from bits that no slot
/// index uses.
inline uint32_t mergeTag(uint64_t hash, uint32_t rankBits) {
  return uint32_t(hash >> 32) >> rankBits << rankBits;
}

/// A bit of `junctions`; `bits` is a power of two.
inline uint64_t junctionBit(uint64_t hash, uint64_t bits) {
  return hash >> 20 & (bits - 1);
}

/// The byte of a byte token, from its text.
inline uint8_t byteOfToken(const char *text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  return uint8_t(digit(text[3]) << 4 | digit(text[4]));
}

/// Text of the form <0xNN>.
inline bool isByteToken(const char *text, uint64_t size) {
  auto hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
  return size == 6 && text[0] == '<' && text[1] == '0' && text[2] == 'x' && hex(text[3]) && hex(text[4]) &&
         text[5] == '>';
}

} // namespace gemmac

#endif
