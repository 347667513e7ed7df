#include "runtime/core/Entries.h"

#include "runtime/core/Status.h"

#include <string.h>

namespace gemmac {

const gemmac_entry *findEntry(const gemmac_model &code, const char *name) {
  for (uint32_t i = 0; i < code.entry_count; ++i)
    if (strcmp(code.entries[i].name, name) == 0)
      return &code.entries[i];
  return nullptr;
}

static bool isWhole(const gemmac_port *ports, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    if (!ports || !ports[i].name || (ports[i].rank && !ports[i].shape))
      return false;
  return true;
}

gemmac_status checkEntries(const gemmac_model &code, gemmac_error *error) {
  if (!code.entries && code.entry_count)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "the model's code has no table of entries");
  for (uint32_t i = 0; i < code.entry_count; ++i) {
    const gemmac_entry &entry = code.entries[i];
    if (!entry.name || !entry.run || !isWhole(entry.inputs, entry.input_count) ||
        !isWhole(entry.outputs, entry.output_count))
      return fail(error, GEMMAC_INVALID_ARGUMENT, "entry %u of the model's code has a null pointer", i);
    if (findEntry(code, entry.name) != &entry)
      return fail(error, GEMMAC_INVALID_ARGUMENT, "the model's code has two entries '%s'", entry.name);
    if (entry.arena_bytes > code.arena_bytes)
      return fail(error, GEMMAC_INVALID_ARGUMENT, "entry '%s' needs more scratch than the model says",
                  entry.name);
    if (entry.max_tokens == 0 || entry.max_sequences == 0)
      return fail(error, GEMMAC_INVALID_ARGUMENT, "entry '%s' takes no tokens", entry.name);
  }
  return GEMMAC_OK;
}

/// Rows of a step's tokens, each of `columns` numbers; a single number without an axis if 0.
static bool isRows(const gemmac_port &port, uint32_t element, const gemmac_entry &entry, uint32_t columns) {
  bool perToken = port.rank == (columns ? 2u : 1u) &&
                  (port.shape[0] == -1 || (port.shape[0] == 1 && entry.tokens == GEMMAC_ONE_TOKEN));
  return perToken && port.element == element && (!columns || port.shape[1] == columns);
}

gemmac_status TextEntry::bind(const gemmac_model &code, const char *name, uint32_t tokens, bool logits,
                              gemmac_error *error) {
  entry = findEntry(code, name);
  if (!entry)
    return fail(error, GEMMAC_INVALID_ARGUMENT, "the model '%s' has no entry '%s', which sessions need",
                code.name, name);
  auto doesNotFit = [&](const char *what, const char *port) {
    return fail(error, GEMMAC_INVALID_ARGUMENT, "the entry '%s' of '%s' does not fit sessions: %s%s%s", name,
                code.name, what, *port ? " " : "", port);
  };
  if (entry->tokens != tokens || (tokens != GEMMAC_ONE_TOKEN && entry->max_tokens < code.max_tokens))
    return doesNotFit("it takes another number of tokens", "");
  static const char *const kNames[kInputs] = {"tokens", "positions", "visible"};
  if (entry->input_count > kInputs)
    return doesNotFit("it has more inputs than tokens, positions and visible", "");
  for (uint32_t i = 0; i < entry->input_count; ++i) {
    const gemmac_port &port = entry->inputs[i];
    uint8_t which = 0;
    while (which < kInputs && strcmp(kNames[which], port.name) != 0)
      ++which;
    if (which == kInputs || !isRows(port, GEMMAC_I32, *entry, 0))
      return doesNotFit("nothing is known that is its input", port.name);
    inputs[i] = static_cast<Input>(which);
  }
  if (entry->output_count != (logits ? 1 : 0))
    return doesNotFit(logits ? "logits have to be its only output" : "it has outputs", "");
  if (logits && (strcmp(entry->outputs[0].name, "logits") != 0 ||
                 !isRows(entry->outputs[0], GEMMAC_F32, *entry, code.vocab_size)))
    return doesNotFit("these are no logits:", entry->outputs[0].name);
  return GEMMAC_OK;
}

} // namespace gemmac
