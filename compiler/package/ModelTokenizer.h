//===- ModelTokenizer.h - text to ids and back without running the model --------------------------------===//
//
// Implements `gemmac tokenize MODEL` with the code and tables that ship.

#ifndef GEMMAC_COMPILER_PACKAGE_MODELTOKENIZER_H
#define GEMMAC_COMPILER_PACKAGE_MODELTOKENIZER_H

#include "runtime/tokenizer/Vocabulary.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

class ModelTokenizer {
public:
  /// A checkpoint (by name, too: see locateModel), a package (.weights), or a directory with one package in
  /// it.
  static llvm::Expected<ModelTokenizer> open(const std::string &name);

  /// Text may be any bytes. With `bos`, ids begin with it whatever the checkpoint says about prompts; once,
  /// also where the text names it first.
  llvm::Expected<std::vector<int32_t>> encode(llvm::StringRef text, bool bos) const;
  /// An id outside the vocabulary is an error.
  llvm::Expected<std::string> decode(llvm::ArrayRef<int32_t> ids, bool skipSpecial) const;

private:
  Vocabulary vocabulary;
  std::shared_ptr<const void> tables; ///< owns the memory that the vocabulary points into
};

/// Decimal ids separated by blanks.
llvm::Expected<std::vector<int32_t>> parseIds(std::string_view text);

} // namespace gemmac

#endif
