#include "runtime/tokenizer/Decoder.h"

#include <cstring>

using namespace gemmac;

namespace {

/// Counts bytes and keeps those that fit.
struct Writer {
  char *text;
  size_t capacity;
  size_t size = 0;

  void put(const char *bytes, size_t count) {
    if (size < capacity)
      memcpy(text + size, bytes, count < capacity - size ? count : capacity - size);
    size += count;
  }
  void putReplacements(size_t count) {
    for (; count != 0; --count)
      put("\xef\xbf\xbd", 3);
  }
  /// Appends a piece, with each ▁ as a space.
  void putPiece(Vocabulary::Piece piece) {
    static const char kMark[] = "\xe2\x96\x81";
    size_t begin = 0;
    for (size_t at = 0; at + 3 <= piece.size;) {
      if (memcmp(piece.text + at, kMark, 3) != 0) {
        ++at;
        continue;
      }
      put(piece.text + begin, at - begin);
      put(" ", 1);
      begin = at += 3;
    }
    if (piece.size != begin)
      put(piece.text + begin, piece.size - begin);
  }
};

} // namespace

static bool isShown(const Vocabulary &vocabulary, int32_t id, bool skipSpecial) {
  return uint32_t(id) < vocabulary.size() &&
         !(skipSpecial && (vocabulary.kind(uint32_t(id)) & kSpecialToken));
}

/// Whether this is a byte token, and its byte.
static bool readByte(const Vocabulary &vocabulary, int32_t id, uint8_t &byte) {
  const Vocabulary::Piece piece = vocabulary.piece(uint32_t(id));
  if (!(vocabulary.kind(uint32_t(id)) & kByteToken) || !isByteToken(piece.text, piece.size))
    return false;
  byte = byteOfToken(piece.text);
  return true;
}

size_t gemmac::decode(const Vocabulary &vocabulary, const int32_t *ids, size_t count, bool skipSpecial,
                      char *text, size_t capacity) {
  Writer writer{text, capacity};
  for (size_t i = 0; i < count;) {
    // Tokens that are not shown don't end a run.
    Utf8Checker run;
    size_t bytes = 0, end = i;
    uint8_t byte = 0;
    for (; end < count; ++end) {
      if (!isShown(vocabulary, ids[end], skipSpecial))
        continue;
      if (!readByte(vocabulary, ids[end], byte))
        break;
      run.push(byte);
      ++bytes;
    }
    if (!run.whole()) {
      writer.putReplacements(bytes);
    } else if (bytes != 0) {
      for (; i < end; ++i)
        if (isShown(vocabulary, ids[i], skipSpecial) && readByte(vocabulary, ids[i], byte))
          writer.put(reinterpret_cast<const char *>(&byte), 1);
    }
    if (end < count)
      writer.putPiece(vocabulary.piece(uint32_t(ids[end])));
    i = end + 1;
  }
  return writer.size;
}

size_t StreamDecoder::push(int32_t id, char *text) {
  uint8_t byte = 0;
  if (!isShown(vocabulary, id, skipSpecial))
    return 0;
  if (readByte(vocabulary, id, byte))
    return pushByte(byte, text);
  const size_t size = finish(text);
  Writer writer{text + size, mostBytes() - size};
  writer.putPiece(vocabulary.piece(uint32_t(id)));
  return size + writer.size;
}

size_t StreamDecoder::pushByte(uint8_t byte, char *text) {
  Writer writer{text, mostBytes()};
  if (broken) {
    writer.putReplacements(1);
    return writer.size;
  }
  if (heldCount == kMostHeld) {
    writer.put(reinterpret_cast<const char *>(held), whole);
    heldCount -= whole;
    memmove(held, held + whole, heldCount);
    whole = 0;
  }
  held[heldCount++] = byte;
  if (!run.push(byte)) {
    broken = true;
    writer.putReplacements(heldCount);
    heldCount = whole = 0;
  } else if (run.whole()) {
    whole = heldCount;
  }
  return writer.size;
}

size_t StreamDecoder::finish(char *text) {
  Writer writer{text, mostBytes()};
  if (run.whole())
    writer.put(reinterpret_cast<const char *>(held), heldCount);
  else
    writer.putReplacements(heldCount);
  run = Utf8Checker();
  broken = false;
  heldCount = whole = 0;
  return writer.size;
}
