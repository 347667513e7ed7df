//===- LoadedTokenizer.h - from a checkpoint's directory to ids and back --------------------------------===//

#ifndef GEMMAC_TEST_RUNTIME_TOKENIZER_LOADEDTOKENIZER_H
#define GEMMAC_TEST_RUNTIME_TOKENIZER_LOADEDTOKENIZER_H

#include "compiler/package/TokenizerTables.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Encoder.h"

#include <memory>
#include <string>
#include <vector>

namespace gemmac {

class LoadedTokenizer {
public:
  explicit LoadedTokenizer(const Tokenizer &tokenizer)
      : buffer(buildTokenizerTables(tokenizer)), scratch(new uint64_t[Encoder::kScratchBytes / 8 + 1]) {
    opened = vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(buffer.data()));
  }

  std::vector<int32_t> encode(const std::string &text, EncodeOptions options = {}) const {
    Encoder encoder(vocabulary, scratch.get());
    std::vector<int32_t> ids(text.size() + 1);
    size_t count = 0;
    joined = encoder.encode(text.data(), text.size(), options, ids.data(), ids.size(), count);
    ids.resize(joined ? count : 0);
    return ids;
  }

  std::string decode(const std::vector<int32_t> &ids, bool skipSpecial = false) const {
    std::string text(gemmac::decode(vocabulary, ids.data(), ids.size(), skipSpecial, nullptr, 0), '\0');
    gemmac::decode(vocabulary, ids.data(), ids.size(), skipSpecial, text.data(), text.size());
    return text;
  }

  std::string stream(const std::vector<int32_t> &ids, bool skipSpecial = false) const {
    StreamDecoder decoder(vocabulary, skipSpecial);
    std::string text, part(decoder.mostBytes(), '\0');
    for (int32_t id : ids)
      text.append(part.data(), decoder.push(id, part.data()));
    return text.append(part.data(), decoder.finish(part.data()));
  }

  flatbuffers::DetachedBuffer buffer;
  Vocabulary vocabulary;
  bool opened = false;
  mutable bool joined = true; ///< the last encode found where to join its windows

private:
  std::unique_ptr<uint64_t[]> scratch;
};

} // namespace gemmac

#endif
