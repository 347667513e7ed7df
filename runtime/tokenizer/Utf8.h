//===- Utf8.h - reading UTF-8 that may be broken --------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_TOKENIZER_UTF8_H
#define GEMMAC_RUNTIME_TOKENIZER_UTF8_H

#include <cstddef>
#include <cstdint>

namespace gemmac {

/// Bytes of a character whose first byte is `lead`; 0: not a first byte.
inline size_t utf8Length(uint8_t lead) {
  return lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

/// Whether `byte` may follow `lead` directly: excludes overlong forms, surrogates and code points above
/// U+10FFFF.
inline bool utf8Second(uint8_t lead, uint8_t byte) {
  const uint8_t lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  return byte >= lowest && byte <= highest;
}

/// Reads one character of `size` > 0 bytes. Returns its length and sets `codePoint`, or returns 0 if no
/// complete character begins here.
inline size_t readUtf8(const uint8_t *bytes, size_t size, uint32_t &codePoint) {
  const uint8_t lead = bytes[0];
  const size_t length = utf8Length(lead);
  if (length == 1) {
    codePoint = lead;
    return 1;
  }
  if (length == 0 || length > size || !utf8Second(lead, bytes[1]))
    return 0;
  codePoint = (uint32_t(lead) & (0x7fu >> length)) << 6 | (bytes[1] & 0x3fu);
  for (size_t i = 2; i < length; ++i) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 0;
    codePoint = codePoint << 6 | (bytes[i] & 0x3fu);
  }
  return length;
}

/// Validates UTF-8 byte by byte.
class Utf8Checker {
public:
  /// False from the first byte that is invalid at its place.
  bool push(uint8_t byte) {
    if (missing_ == 0) {
      const size_t length = utf8Length(byte);
      lead_ = byte;
      missing_ = length == 0 ? 0 : uint8_t(length - 1);
      fresh_ = true;
      return valid_ = valid_ && length != 0;
    }
    valid_ = valid_ && (fresh_ ? utf8Second(lead_, byte) : (byte & 0xc0) == 0x80);
    fresh_ = false;
    --missing_;
    return valid_;
  }
  /// Valid so far, and not inside a character.
  bool whole() const { return valid_ && missing_ == 0; }

private:
  uint8_t lead_ = 0;
  uint8_t missing_ = 0; // bytes missing from the current character
  bool fresh_ = false;  // the next byte is the character's second
  bool valid_ = true;
};

} // namespace gemmac

#endif
