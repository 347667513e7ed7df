#include "runtime/core/Engine.h"

#include "runtime/core/SessionMemory.h"
#include "runtime/core/Status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

namespace gemmac {

gemmac_status checkCpu(const char *who, const char *needed, gemmac_error *error) {
  for (const char *name = needed; *name;) {
    size_t length = strcspn(name, " ");
    if (length == 0) {
      ++name;
      continue;
    }
    switch (platform::cpuFeature(name, length)) {
    case platform::Feature::present:
      break;
    case platform::Feature::absent:
      return fail(error, GEMMAC_UNSUPPORTED_CPU,
                  "%s needs the CPU feature '%.*s', which this %s CPU does not have", who,
                  static_cast<int>(length), name, platform::cpuFamily());
    case platform::Feature::unknown:
      return fail(error, GEMMAC_UNSUPPORTED_CPU, "%s needs the CPU feature '%.*s', which is none of %s", who,
                  static_cast<int>(length), name, platform::cpuFamily());
    }
    name += length;
  }
  return GEMMAC_OK;
}

gemmac_status checkFit(const gemmac_model &code, const format::Package &package, const char *file,
                       gemmac_error *error) {
  const format::Metadata &metadata = package.metadata();
  if (strcmp(code.name, metadata.name()->c_str()) != 0)
    return fail(error, GEMMAC_WRONG_PACKAGE, "%s: holds the weights of '%s', this code runs '%s'", file,
                metadata.name()->c_str(), code.name);
  if (strcmp(code.target, metadata.target()->c_str()) != 0)
    return fail(error, GEMMAC_WRONG_PACKAGE, "%s: was made for the device '%s', this code for '%s'", file,
                metadata.target()->c_str(), code.target);
  const struct {
    const char *name;
    uint64_t ofCode, ofPackage;
  } numbers[] = {
      {"vocab_size", code.vocab_size, metadata.vocab_size()},
      {"context", code.context, metadata.context()},
      {"max_tokens", code.max_tokens, metadata.max_tokens()},
      {"arena_bytes", code.arena_bytes, metadata.arena_bytes()},
      {"cache_bytes", code.cache_bytes, metadata.cache_bytes()},
      {"weights_bytes", code.weights_bytes, package.header().tensors_bytes},
  };
  for (const auto &number : numbers)
    if (number.ofCode != number.ofPackage)
      return fail(error, GEMMAC_WRONG_PACKAGE,
                  "%s: has %s %" PRIu64 ", this code %" PRIu64 ": they come from different compilations",
                  file, number.name, number.ofPackage, number.ofCode);
  if (code.fingerprint != metadata.fingerprint())
    return fail(error, GEMMAC_WRONG_PACKAGE,
                "%s: has fingerprint %016" PRIx64 ", this code %016" PRIx64
                ": they come from different compilations",
                file, metadata.fingerprint(), code.fingerprint);
  return GEMMAC_OK;
}

gemmac_status openVocabulary(const format::Metadata &metadata, Vocabulary &vocabulary, const char *file,
                             gemmac_error *error) {
  const format::Tokenizer &tables = *metadata.tokenizer();
  if (!vocabulary.open(tables))
    return fail(error, GEMMAC_CORRUPT, "%s: the tokenizer's tables contradict themselves", file);
  if (vocabulary.size() > metadata.vocab_size())
    return fail(error, GEMMAC_CORRUPT, "%s: the tokenizer has %u tokens, the model %u", file,
                vocabulary.size(), metadata.vocab_size());
  if (vocabulary.longestPiece() > tables.text()->size())
    return fail(error, GEMMAC_CORRUPT, "%s: the tokenizer's longest piece has %u bytes, all of them have %u",
                file, vocabulary.longestPiece(), tables.text()->size());
  return GEMMAC_OK;
}

/// Other weights are read whole for each token, tables only in the rows of a step's tokens.
void expectRowsOfTables(const platform::MappedFile &file, const format::Package &package) {
  for (const format::Tensor *tensor : *package.metadata().tensors())
    if (tensor->layout()->string_view() == "rows")
      for (const format::Plane *plane : *tensor->planes())
        platform::expectAccess(file, package.header().tensors_offset + plane->offset(), plane->bytes(),
                               platform::Access::scattered);
}

} // namespace gemmac

using namespace gemmac;

static_assert(has<gemmac_engine>(handleBytes(sizeof(void *)).engine), "the compiler plans with its size");

gemmac_status gemmac_engine::openFile(const char *path, bool verify, gemmac_error *error) {
  if (const char *reason = platform::mapFile(path, file))
    return fail(error, GEMMAC_FILE_ERROR, "%s: %s", path, reason);
  return open(file.bytes, file.size, path, verify, error);
}

gemmac_status gemmac_engine::open(const uint8_t *bytes, uint64_t size, const char *name, bool verify,
                                  gemmac_error *error) {
  if (gemmac_status status = package.open(bytes, size, name, error))
    return status;
  const format::Metadata &metadata = package.metadata();
  // What the package was made for says more than that its fingerprint is another one.
  char who[256];
  snprintf(who, sizeof(who), "%s: made for '%s', it", name, metadata.target()->c_str());
  if (gemmac_status status = checkCpu(who, metadata.cpu_features()->c_str(), error))
    return status;
  if (gemmac_status status = checkFit(*code, package, name, error))
    return status;
  if (gemmac_status status = openVocabulary(metadata, vocabulary, name, error))
    return status;
  if (gemmac_status status = bindEntries(error))
    return status;
  // Hints are for what is mapped here: the caller knows better about memory of its own.
  if (file.bytes)
    platform::expectAccess(file, 0, file.size, platform::Access::streamed);
  if (verify)
    if (gemmac_status status = package.verifyTensors(name, error))
      return status;
  if (file.bytes)
    expectRowsOfTables(file, package);
  return GEMMAC_OK;
}

gemmac_status gemmac_engine::bindEntries(gemmac_error *error) {
  const struct {
    TextEntry &bound;
    const char *name;
    uint32_t tokens;
    bool logits;
  } wanted[] = {{prefill, GEMMAC_PREFILL, GEMMAC_MANY_TOKENS, false},
                {decode, GEMMAC_DECODE, GEMMAC_ONE_TOKEN, true},
                {score, GEMMAC_SCORE, GEMMAC_MANY_TOKENS, true}};
  for (const auto &want : wanted)
    if (gemmac_status status = want.bound.bind(*code, want.name, want.tokens, want.logits, error))
      return status;
  return GEMMAC_OK;
}

void gemmac_engine::close() {
  platform::unmapFile(file);
}
