//===- Encoder.h - text to tokens -----------------------------------------------------------------------===//
//
// Byte-pair encoding exactly as Hugging Face's `tokenizers` does it for Gemma: added tokens are found first,
// then in each stretch between them spaces become "▁", characters become tokens, and the merge of lowest rank
// goes first, of equal ones the leftmost.
//
// Two facts keep the work near linear and the memory fixed, without changing any answer:
//   1. If no merge has character a at the end of its left part and b at the beginning of its right part, no
//   merge ever crosses from a to b: text is cut between them. Most words end like this.
//   2. A row of tokens is the encoding of a text if, and only if, every two neighbours are the encoding of
//      their own text. For take the first merge that crosses from one token to the next: until then the two
//      went through the same merges as they do alone, so it would cross there too. Hence a piece longer than
//      the window is encoded in windows that overlap, joined at a token that both have.
//
// Bytes that are not valid UTF-8 become one byte token each.

#ifndef GEMMAC_RUNTIME_TOKENIZER_ENCODER_H
#define GEMMAC_RUNTIME_TOKENIZER_ENCODER_H

#include "runtime/tokenizer/Vocabulary.h"

namespace gemmac {

struct EncodeOptions {
  bool bos = false;   ///< begin with bos, if the vocabulary has one
  bool plain = false; ///< special tokens in the text are encoded as ordinary text
};

class Encoder {
public:
  /// Bytes of scratch memory, aligned to 4. Nothing is kept in it between two calls.
  static const size_t kScratchBytes;

  Encoder(const Vocabulary &vocabulary, void *scratch);

  /// Writes the first `capacity` ids, and their total number to `count`. False (`count` is then not set) only
  /// for a piece of more than kWindow characters without any cut whose windows never agree on a token: it
  /// must be constructed, no natural text is known to do this.
  bool encode(const char *text, size_t size, const EncodeOptions &options, int32_t *ids, size_t capacity,
              size_t &count);

private:
  static constexpr uint32_t kWindow = 8192; // characters
  static constexpr uint32_t kGroup = 16;    // children of a node in the tree of minima
  static constexpr uint32_t kLevels = 4;    // 8192, 512, 32, 2

  struct Scratch;

  /// What is needed to encode a window again and join it earlier.
  struct Seam {
    const uint8_t *begin = nullptr; // of the window; null: cannot be read again
    uint32_t firstToken = kNoToken; // that the window has in common with the one before
    size_t count = 0;               // ids before it
    uint32_t attempt = 0;           // failed attempts to join it
  };

  void emit(uint32_t id);
  bool encodeStretch(const uint8_t *begin, const uint8_t *end, const Vocabulary::Trie &trie);
  bool encodePlain(const uint8_t *begin, const uint8_t *end);
  void fallBack(const uint8_t *character, size_t size);
  bool pushAlone(uint32_t id, const uint8_t *begin, bool clean);
  bool push(uint32_t id, const uint8_t *begin, bool clean);
  bool endPiece();
  bool joinWindows();
  bool retryJoin();
  void mergeWindow();
  void setRank(uint32_t at, uint32_t rank);
  uint32_t rankOf(uint32_t left, uint32_t right) const {
    return vocabulary.rank(left, right, hashPair(left, right));
  }
  void emitUpTo(uint32_t end);

  const Vocabulary &vocabulary;
  Scratch &scratch;
  bool plain = false;
  int32_t *out = nullptr;
  size_t capacity = 0, count = 0;

  // The window that is being filled.
  uint32_t length = 0;           // symbols
  uint32_t levels = 0;           // of the tree in use
  const uint8_t *next = nullptr; // the text's next character
  bool unknown = false;          // an unk is pending (characters without a token)
  bool failed = false;
  Seam here, before; // this window and the one before
};

} // namespace gemmac

#endif
