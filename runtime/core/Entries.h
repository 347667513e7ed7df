//===- Entries.h - the entries of a model, by name
//-------------------------------------------------------===//

#ifndef GEMMAC_RUNTIME_CORE_ENTRIES_H
#define GEMMAC_RUNTIME_CORE_ENTRIES_H

#include "gemmac/gemmac.h"

namespace gemmac {

/// Null if the model has no entry of this name.
const gemmac_entry *findEntry(const gemmac_model &code, const char *name);

/// Is every entry whole: no null pointer, no number outside its range, no name twice?
gemmac_status checkEntries(const gemmac_model &code, gemmac_error *error);

/// An entry that takes text and gives logits or nothing, and which array each of its input ports gets.
struct TextEntry {
  enum Input : uint8_t { kTokens, kPositions, kVisible, kInputs };

  const gemmac_entry *entry;
  Input inputs[kInputs];

  /// Finds the entry and matches its ports; says what does not fit.
  gemmac_status bind(const gemmac_model &code, const char *name, uint32_t tokens, bool logits,
                     gemmac_error *error);
};

} // namespace gemmac

#endif
