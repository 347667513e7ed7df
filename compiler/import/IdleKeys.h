//===- IdleKeys.h - keys of config.json that no result depends on ---------------------------------------===//

#ifndef GEMMAC_COMPILER_IMPORT_IDLEKEYS_H
#define GEMMAC_COMPILER_IMPORT_IDLEKEYS_H

#include "nlohmann/json.hpp"
#include "llvm/ADT/StringRef.h"

namespace gemmac {

/// Whether a key of `config.json` that the reader of models does not know may be left out: it is null, or it
/// only names the tool that wrote the file, how to train, labels of classes, or what a program puts out.
bool isIdleKey(llvm::StringRef key, const nlohmann::json &value);

} // namespace gemmac

#endif
