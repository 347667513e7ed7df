//===- TokenizerTables.h - tables that a device uses as they are ----------------------------------------===//
//
// Builds the look-up tables of runtime/tokenizer: characters by page, merges by hash, added tokens as tries,
// and the pairs of characters that any merge can cross. The same tokenizer gives the same bytes.

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENIZERTABLES_H
#define GEMMAC_COMPILER_PACKAGE_TOKENIZERTABLES_H

#include "compiler/package/Tokenizer.h"
#include "runtime/format/tokenizer_generated.h"

namespace gemmac {

/// Adds the table of runtime/format/tokenizer.fbs to a package that is being built.
flatbuffers::Offset<format::Tokenizer> buildTokenizer(flatbuffers::FlatBufferBuilder &builder,
                                                      const Tokenizer &tokenizer);

/// A separate buffer with the table as its root, for tokenizing without a package.
flatbuffers::DetachedBuffer buildTokenizerTables(const Tokenizer &tokenizer);

} // namespace gemmac

#endif
