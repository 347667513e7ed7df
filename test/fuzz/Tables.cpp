//===- Tables.cpp - what the runtime does with tables of a tokenizer ------------------------------------===//

#include "test/fuzz/Tables.h"
#include "test/fuzz/Files.h"

#include "runtime/format/tokenizer_generated.h"
#include "runtime/tokenizer/Decoder.h"
#include "runtime/tokenizer/Encoder.h"

#include <string>
#include <vector>

namespace gemmac::test {

/// A whole text and a stream write no more than they say.
static void decodeIds(const Vocabulary &vocabulary, const std::vector<int32_t> &ids) {
  for (bool skipSpecial : {false, true}) {
    const size_t size = decode(vocabulary, ids.data(), ids.size(), skipSpecial, nullptr, 0);
    std::string whole(size, '\0');
    require(decode(vocabulary, ids.data(), ids.size(), skipSpecial, whole.data(), size) == size,
            "decoding the same ids twice gives two sizes");
    StreamDecoder stream(vocabulary, skipSpecial);
    // Damaged tables may claim any length of their longest piece; none is longer than the tables.
    if (stream.mostBytes() > (1 << 20))
      continue;
    std::string piece(stream.mostBytes(), '\0');
    for (int32_t id : ids)
      require(stream.push(id, piece.data()) <= piece.size(), "a stream has written more than it may");
    require(stream.finish(piece.data()) <= piece.size(), "a stream's end is longer than it may be");
  }
}

bool useTables(const uint8_t *tables, size_t size, std::string_view text) {
  flatbuffers::Verifier verifier(tables, size);
  if (!verifier.VerifyBuffer<format::Tokenizer>())
    return false;
  Vocabulary vocabulary;
  if (!vocabulary.open(*flatbuffers::GetRoot<format::Tokenizer>(tables)))
    return false;
  static std::vector<uint64_t> scratch((Encoder::kScratchBytes + 7) / 8);
  Encoder encoder(vocabulary, scratch.data());
  for (bool plain : {false, true})
    for (bool bos : {false, true}) {
      const EncodeOptions options{bos, plain};
      std::vector<int32_t> ids(text.size() + 1);
      size_t count = 0, counted = 0;
      if (!encoder.encode(text.data(), text.size(), options, ids.data(), ids.size(), count))
        continue;
      require(count <= ids.size(), "a text has more ids than bytes");
      require(encoder.encode(text.data(), text.size(), options, nullptr, 0, counted) && counted == count,
              "counting the ids gives another number");
      ids.resize(count);
      decodeIds(vocabulary, ids);
    }
  (void)vocabulary.beginsWithBos(reinterpret_cast<const uint8_t *>(text.data()), text.size());
  // Ids that no text has given, inside the vocabulary and outside.
  decodeIds(vocabulary,
            {-1, 0, 1, 2, 3, int32_t(vocabulary.size()) - 1, int32_t(vocabulary.size()), INT32_MAX});
  return true;
}

} // namespace gemmac::test
