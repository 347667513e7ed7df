// tokenizer.json and tokenizer_config.json, the chat template in any of its places, and what the runtime
// makes of the tables.

#include "test/fuzz/Readers.h"

#include "compiler/package/TokenizerJson.h"

#include <cstring>

using namespace gemmac;
using test::failed;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static test::Files files(
      {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "chat_template.json"});
  files.put({data, size});
  llvm::Expected<Tokenizer> tokenizer = readTokenizerJson(files.path());
  if (!failed(tokenizer))
    test::useTokenizer(std::move(*tokenizer), files.path());
  return 0;
}
