//===- SmallTokenizer.h - tokenizers that a test writes down --------------------------------------------===//

#ifndef GEMMAC_TEST_RUNTIME_TOKENIZER_SMALLTOKENIZER_H
#define GEMMAC_TEST_RUNTIME_TOKENIZER_SMALLTOKENIZER_H

#include "compiler/package/Tokenizer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace gemmac {

/// `<unk>`, `<bos>` and `<eos>` come first, then 256 bytes, then `characters`, then what the merges make.
inline Tokenizer smallTokenizer(const std::vector<std::string> &characters,
                                const std::vector<std::pair<std::string, std::string>> &merges) {
  static const char kDigits[] = "0123456789ABCDEF";
  Tokenizer tokenizer;
  tokenizer.pieces = {"<unk>", "<bos>", "<eos>"};
  for (int byte = 0; byte < 256; ++byte)
    tokenizer.pieces.push_back(std::string("<0x") + kDigits[byte >> 4] + kDigits[byte & 15] + ">");
  tokenizer.pieces.insert(tokenizer.pieces.end(), characters.begin(), characters.end());
  const auto idOf = [&](const std::string &piece) {
    auto found = std::find(tokenizer.pieces.begin(), tokenizer.pieces.end(), piece);
    if (found == tokenizer.pieces.end())
      found = tokenizer.pieces.insert(found, piece);
    return uint32_t(found - tokenizer.pieces.begin());
  };
  for (const auto &[left, right] : merges) {
    const uint32_t l = idOf(left), r = idOf(right);
    tokenizer.merges.push_back({l, r, idOf(left + right)});
  }
  tokenizer.special.resize(tokenizer.pieces.size());
  tokenizer.unk = 0;
  tokenizer.bos = 1;
  tokenizer.eos = 2;
  for (uint32_t id : {1, 2}) {
    tokenizer.special[id] = true;
    tokenizer.added.push_back({id, false, true});
  }
  return tokenizer;
}

} // namespace gemmac

#endif
