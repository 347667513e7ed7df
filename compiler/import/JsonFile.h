//===- JsonFile.h - JSON that somebody else wrote -------------------------------------------------------===//
// Files of a checkpoint are untrusted: size, nesting and repeated keys are checked before a value is built,
// and every error names the file.

#ifndef GEMMAC_COMPILER_IMPORT_JSONFILE_H
#define GEMMAC_COMPILER_IMPORT_JSONFILE_H

#include "nlohmann/json.hpp"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <string_view>

namespace gemmac {

/// An error that starts with the file it is about.
llvm::Error fileError(std::string_view file, const llvm::Twine &what);

/// `'name'` with control characters escaped and the middle of very long names left out: fit for a one-line
/// message.
std::string inQuotes(std::string_view name);

/// The path of a file of a checkpoint.
std::string pathIn(const std::string &directory, llvm::StringRef file);

/// A JSON object from text. Repeated keys, deep nesting and bad UTF-8 are errors.
llvm::Expected<nlohmann::json> parseJsonObject(std::string_view file, std::string_view text);

/// The size of a regular file, or an error that says why there is none.
llvm::Expected<uint64_t> sizeOfFile(const std::string &path);

/// All of a file of at most `limit` bytes.
llvm::Expected<std::string> readTextFile(const std::string &path, uint64_t limit = 64 << 20);

/// The JSON object in a file of at most `limit` bytes.
llvm::Expected<nlohmann::json> readJsonFile(const std::string &path, uint64_t limit = 64 << 20);

} // namespace gemmac

#endif
