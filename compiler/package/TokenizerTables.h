//===- TokenizerTables.h - tables that a device uses as they are ----------------------------------------===//
//
// Prepares all that runtime/tokenizer looks up: characters by page, merges by hash, added tokens as tries,
// and the pairs of characters that any merge can cross. The same tokenizer gives the same bytes.

#ifndef GEMMAC_COMPILER_PACKAGE_TOKENIZERTABLES_H
#define GEMMAC_COMPILER_PACKAGE_TOKENIZERTABLES_H

#include "compiler/package/Tokenizer.h"
#include "runtime/format/tokenizer_generated.h"

namespace gemmac {

/// Adds the table of runtime/format/tokenizer.fbs to a package that is being built.
flatbuffers::Offset<format::Tokenizer> buildTokenizer(flatbuffers::FlatBufferBuilder &builder,
                                                      const Tokenizer &tokenizer);

/// A buffer of its own with the table as root, for what tokenizes without a package.
flatbuffers::DetachedBuffer buildTokenizerTables(const Tokenizer &tokenizer);

} // namespace gemmac

#endif
