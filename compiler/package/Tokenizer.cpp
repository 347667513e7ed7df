#include "compiler/package/Tokenizer.h"

#include "compiler/package/TokenizerGguf.h"
#include "compiler/package/TokenizerJson.h"

#include "llvm/Support/FileSystem.h"

using namespace gemmac;

llvm::Expected<Tokenizer> gemmac::readTokenizer(const std::string &checkpoint) {
  if (llvm::sys::fs::is_directory(checkpoint))
    return readTokenizerJson(checkpoint);
  llvm::Expected<std::unique_ptr<GgufFile>> file = GgufFile::open(checkpoint);
  if (!file)
    return file.takeError();
  return readTokenizerGguf(**file);
}
