//===- LfsPointer.h - what Git leaves where a large file should be --------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_LFSPOINTER_H
#define GEMMAC_COMPILER_IMPORT_LFSPOINTER_H

#include "llvm/Support/Error.h"
#include <string_view>

namespace gemmac {

/// An error if the bytes of a file are a pointer of Git LFS, which stands in the place of files that were not
/// fetched when a repository was cloned.
llvm::Error refuseLfsPointer(std::string_view file, std::string_view bytes);

} // namespace gemmac

#endif
