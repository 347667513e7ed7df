//===- Readers.h - what the compiler does with what it has read -----------------------------------------===//

#ifndef GEMMAC_TEST_FUZZ_READERS_H
#define GEMMAC_TEST_FUZZ_READERS_H

#include "test/fuzz/Files.h"

#include "compiler/import/WeightSource.h"
#include "compiler/package/Tokenizer.h"
#include "llvm/Support/Error.h"

namespace gemmac::test {

/// Whether there is no value; the error must be one message.
template <typename T>
bool failed(llvm::Expected<T> &&result) {
  if (result)
    return false;
  requireMessage(llvm::toString(result.takeError()));
  return true;
}
template <typename T>
bool failed(llvm::Expected<T> &result) {
  return failed(std::move(result));
}

/// Reads the first and the last numbers of every tensor, and looks for ones that are not finite.
void readTensors(const WeightSource &weights);

/// Leaves out tokens of a model with a few rows, builds the tables that ship, and encodes and decodes a text
/// with them.
void useTokenizer(Tokenizer tokenizer, const std::string &checkpoint);

} // namespace gemmac::test

#endif
