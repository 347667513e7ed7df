//===- Decoder.h - tokens to text -----------------------------------------------------------------------===//
//
// As Hugging Face's decoder for Gemma: "▁" becomes a space, a run of byte tokens becomes its characters if
// all of it is UTF-8, else one U+FFFD for each of its bytes. Ids outside the vocabulary give nothing.

#ifndef GEMMAC_RUNTIME_TOKENIZER_DECODER_H
#define GEMMAC_RUNTIME_TOKENIZER_DECODER_H

#include "runtime/tokenizer/Utf8.h"
#include "runtime/tokenizer/Vocabulary.h"

namespace gemmac {

/// Writes the first `capacity` bytes of the text of `ids`, and returns how many there are.
size_t decode(const Vocabulary &vocabulary, const int32_t *ids, size_t count, bool skipSpecial, char *text,
              size_t capacity);

/// The same text, token by token. Output is final, so a run of byte tokens is held back until it ends or can
/// no longer become UTF-8; of a run of more than kMostHeld bytes the complete characters are written earlier.
class StreamDecoder {
public:
  static constexpr size_t kMostHeld = 128;

  StreamDecoder(const Vocabulary &vocabulary, bool skipSpecial)
      : vocabulary(vocabulary), skipSpecial(skipSpecial) {}

  /// The most bytes that one push or finish can write.
  size_t mostBytes() const { return mostBytesOf(vocabulary.longestPiece()); }
  static size_t mostBytesOf(size_t longestPiece) { return 3 * (kMostHeld + 1) + longestPiece; }

  /// Adds a token. Writes the text that can be shown now to `text`, with room for mostBytes(), and returns
  /// its size.
  size_t push(int32_t id, char *text);
  /// Ends the text: writes what was held back and resets the decoder.
  size_t finish(char *text);

private:
  size_t pushByte(uint8_t byte, char *text);

  const Vocabulary &vocabulary;
  const bool skipSpecial;
  Utf8Checker run;     // the bytes of the current run
  bool broken = false; // it can no longer become UTF-8
  uint8_t held[kMostHeld];
  size_t heldCount = 0;
  size_t whole = 0; // of the held bytes are whole characters
};

} // namespace gemmac

#endif
