// GGUF: header, metadata, tensors; the model, the sampling and the tokenizer that they describe.

#include "test/fuzz/Readers.h"

#include "compiler/import/GgufConfig.h"
#include "compiler/import/GgufGeneration.h"
#include "compiler/package/TokenizerGguf.h"

using namespace gemmac;
using test::failed;

/// Every key as every type: each call gives a value of what the file holds, or an error.
static void readKeys(const GgufFile &file) {
  for (std::string_view key : file.keys()) {
    failed(file.string(key));
    failed(file.integer(key));
    failed(file.number(key));
    failed(file.boolean(key));
    if (!file.isArray(key))
      continue;
    failed(file.strings(key));
    failed(file.integers(key));
    failed(file.numbers(key));
    failed(file.booleans(key));
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static test::Files files({"model.gguf"});
  files.put({data, size});
  llvm::Expected<std::unique_ptr<GgufFile>> file = GgufFile::open(files.path("model.gguf"));
  if (failed(file))
    return 0;
  readKeys(**file);
  test::readTensors(**file);
  llvm::Expected<ModelConfig> config = readGgufConfig(**file);
  if (!failed(config))
    failed(readGgufGeneration(**file, *config));
  llvm::Expected<Tokenizer> tokenizer = readTokenizerGguf(**file);
  if (!failed(tokenizer))
    test::useTokenizer(std::move(*tokenizer), files.path());
  return 0;
}
