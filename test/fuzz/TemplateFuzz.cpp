// The chat template of a checkpoint, in any of its places; the runtime gives the text that was read.

#include "test/fuzz/Readers.h"

#include "compiler/import/JsonFile.h"
#include "compiler/package/ChatTemplate.h"
#include "compiler/package/TokenizerTables.h"

#include <cstring>

using namespace gemmac;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static test::Files files({"chat_template.jinja", "tokenizer_config.json", "chat_template.json"});
  files.put({data, size});
  llvm::Expected<nlohmann::json> config = readJsonFile(files.path("tokenizer_config.json"));
  if (!config)
    test::requireMessage(llvm::toString(config.takeError()));
  Tokenizer tokenizer;
  readChatTemplate(files.path(), config ? *config : nlohmann::json::object(), tokenizer);
  for (const std::string &remark : tokenizer.remarks)
    test::requireMessage(remark);
  const flatbuffers::DetachedBuffer tables = buildTokenizerTables(tokenizer);
  flatbuffers::Verifier verifier(tables.data(), tables.size());
  test::require(verifier.VerifyBuffer<format::Tokenizer>(), "the tables are no FlatBuffer");
  // The C API gives it as a C string.
  const char *shown = flatbuffers::GetRoot<format::Tokenizer>(tables.data())->chat_template()->c_str();
  test::require(tokenizer.chatTemplate == shown, "the runtime gives another template than was read");
  return 0;
}
