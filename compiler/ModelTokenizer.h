//===- ModelTokenizer.h - text to ids and back, without running the model ---------------------===//

#ifndef GEMMAC_COMPILER_MODELTOKENIZER_H
#define GEMMAC_COMPILER_MODELTOKENIZER_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gemmac {

/// The runtime's tokenizer, on the tables of a compiled model or of a checkpoint.
class ModelTokenizer {
public:
  static llvm::Expected<ModelTokenizer> open(const std::string &model);
  ModelTokenizer(ModelTokenizer &&);
  ~ModelTokenizer();

  /// With `bos`, ids begin with bos where the tokenizer says that prompts do.
  llvm::Expected<std::vector<int32_t>> encode(std::string_view text, bool bos) const;
  std::string decode(const std::vector<int32_t> &ids, bool skipSpecial) const;

private:
  struct Tables;
  explicit ModelTokenizer(std::unique_ptr<Tables> tables);
  std::unique_ptr<Tables> tables_;
};

/// Decimal ids between blanks.
llvm::Expected<std::vector<int32_t>> parseIds(std::string_view text);

} // namespace gemmac

#endif
