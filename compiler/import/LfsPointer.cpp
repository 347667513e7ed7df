//===- LfsPointer.cpp - what Git leaves where a large file should be ------------------------------------===//

#include "compiler/import/LfsPointer.h"
#include "compiler/import/JsonFile.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;
using llvm::Twine;

namespace gemmac {

llvm::Error refuseLfsPointer(std::string_view file, std::string_view bytes) {
  StringRef text(bytes);
  if (!text.starts_with("version https://git-lfs.github.com/spec/"))
    return llvm::Error::success();
  constexpr size_t kLongestPointer = 1024; // as the specification of Git LFS has it
  StringRef size = text.take_front(kLongestPointer).split("\nsize ").second.take_while(llvm::isDigit);
  return fileError(file,
                   "is a Git LFS pointer" + (size.empty() ? Twine() : " to a file of " + size + " bytes") +
                       ", not the file itself: run 'git lfs pull' where it was cloned, or download it again");
}

} // namespace gemmac
