//===- TokenRows.h - tokens that the model has a row for ------------------------------------------------===//

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENROWS_H
#define GEMMAC_COMPILER_PACKAGE_TOKENROWS_H

#include "compiler/package/Tokenizer.h"

namespace gemmac {

/// Leaves out the tokens with ids from `rows` on, with a remark: the model's tables have no row for them, as
/// for
/// `<image_soft_token>` in text models of Gemma 3. Their text is tokenized as any other. A token that
/// ordinary text is made of, or the one that prompts begin with, is an error that names `checkpoint`.
llvm::Error leaveOutTokensWithoutRow(Tokenizer &tokenizer, int64_t rows, const std::string &checkpoint);

} // namespace gemmac

#endif
