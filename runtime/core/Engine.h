//===- Engine.h - a model that is ready to run: code, mapped weights, tokenizer -------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_ENGINE_H
#define GEMMAC_RUNTIME_CORE_ENGINE_H

#include "runtime/core/Entries.h"
#include "runtime/core/Region.h"
#include "runtime/format/Package.h"
#include "runtime/platform/Platform.h"
#include "runtime/tokenizer/Vocabulary.h"

struct gemmac_engine {
  const gemmac_model *code;
  gemmac::Region region;
  gemmac::platform::MappedFile file; ///< empty where the package is the caller's memory
  gemmac::format::Package package;
  gemmac::Vocabulary vocabulary;
  gemmac::TextEntry prefill, decode, score;

  gemmac_status openFile(const char *path, bool verify, gemmac_error *error);
  /// `name` is the package's in messages.
  gemmac_status open(const uint8_t *bytes, uint64_t size, const char *name, bool verify, gemmac_error *error);
  gemmac_status bindEntries(gemmac_error *error);
  void close();
};

namespace gemmac {

/// Every feature of `needed` (separated by blanks) must be the CPU's; `who` needs them.
gemmac_status checkCpu(const char *who, const char *needed, gemmac_error *error);

/// Opens the package's tokenizer tables.
gemmac_status openVocabulary(const format::Metadata &metadata, Vocabulary &vocabulary, const char *file,
                             gemmac_error *error);

/// Do code and package come from the same compilation?
gemmac_status checkFit(const gemmac_model &code, const format::Package &package, const char *file,
                       gemmac_error *error);

} // namespace gemmac

#endif
