//===- Readers.cpp - what the compiler does with what it has read ---------------------------------------===//

#include "test/fuzz/Readers.h"
#include "test/fuzz/Tables.h"

#include "compiler/import/FiniteNumbers.h"
#include "compiler/import/TensorNames.h"
#include "compiler/package/TokenRows.h"
#include "compiler/package/TokenizerTables.h"

#include <algorithm>

namespace gemmac::test {

void readTensors(const WeightSource &weights) {
  std::vector<float> numbers(512);
  for (const std::string &name : weights.names()) {
    const SourceTensor *tensor = weights.find(name);
    require(tensor != nullptr, "a tensor of the list is not found");
    require(!weights.fileOf(name).empty(), "a tensor is in no file");
    if (!canReadNumbers(*tensor))
      continue;
    const int64_t count = tensor->numbers(), piece = std::min<int64_t>(count, int64_t(numbers.size()));
    require(count >= 0, "a tensor has a negative number of numbers");
    for (int64_t first : {int64_t(0), count - piece})
      readNumbers(*tensor, first, std::span(numbers).first(size_t(piece)));
    (void)firstNotFinite(numbers);
    if (!tensor->computed)
      (void)firstNotFinite(tensor->scheme, tensor->bytes);
  }
  if (std::optional<TensorNames> known = TensorNames::recognise(weights))
    require(weights.find(known->of("embedding")) != nullptr,
            "the embedding that names were known by is gone");
}

void useTokenizer(Tokenizer tokenizer, const std::string &checkpoint) {
  // Large vocabularies are valid and slow.
  constexpr size_t kMostPieces = 1 << 12;
  if (tokenizer.pieces.size() > kMostPieces)
    return;
  for (const std::string &remark : tokenizer.remarks)
    requireMessage(remark);
  const auto rows = int64_t(tokenizer.pieces.size() - tokenizer.pieces.size() / 8);
  for (bool cut : {false, true}) {
    if (cut)
      if (llvm::Error error = leaveOutTokensWithoutRow(tokenizer, rows, checkpoint)) {
        requireMessage(llvm::toString(std::move(error)));
        return;
      }
    const flatbuffers::DetachedBuffer tables = buildTokenizerTables(tokenizer);
    require(useTables(tables.data(), tables.size(), "Hi <bos>\n the \xe2\x96\x81 \xf0\x9f\x98\x80\xff<0x41>"),
            "tables that were just built are refused");
  }
}

} // namespace gemmac::test
