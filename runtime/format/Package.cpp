#include "runtime/format/Package.h"

#include "runtime/core/Status.h"
#include "runtime/format/SamplingRules.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

namespace gemmac::format {

uint64_t checksumOf(const void *bytes, uint64_t size) {
  return XXH3_64bits(bytes, size);
}

uint64_t headerChecksum(const Header &header, const void *metadata) {
  return XXH3_64bits_withSeed(metadata, header.metadata_bytes,
                              XXH3_64bits(&header, offsetof(Header, checksum)));
}

/// Is [offset, offset + size) inside [begin, end)?
static bool inside(uint64_t offset, uint64_t size, uint64_t begin, uint64_t end) {
  return offset >= begin && offset <= end && size <= end - offset;
}

static gemmac_status checkHeader(const Header &header, uint64_t size, const char *file, gemmac_error *error) {
  if (memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
    return fail(error, GEMMAC_CORRUPT, "%s: is no gemmac package: it does not begin with \"GEMMAC\"", file);
  if (header.version != kFormatVersion)
    return fail(error, GEMMAC_VERSION_MISMATCH, "%s: has format version %u, this program reads version %u",
                file, header.version, kFormatVersion);
  if (header.header_bytes != sizeof(Header))
    return fail(error, GEMMAC_CORRUPT, "%s: header says that it has %u bytes instead of %zu", file,
                header.header_bytes, sizeof(Header));
  if (header.file_bytes != size)
    return fail(error, GEMMAC_CORRUPT,
                "%s: has %" PRIu64 " bytes, its header says %" PRIu64 ": the file is %s", file, size,
                header.file_bytes, size < header.file_bytes ? "cut short" : "longer than it was written");
  if (!inside(header.metadata_offset, header.metadata_bytes, sizeof(Header), size) ||
      header.metadata_offset % 8)
    return fail(error, GEMMAC_CORRUPT,
                "%s: metadata at %" PRIu64 " with %" PRIu64 " bytes does not fit the file's %" PRIu64
                " bytes",
                file, header.metadata_offset, header.metadata_bytes, size);
  if (!inside(header.tensors_offset, header.tensors_bytes, header.metadata_offset + header.metadata_bytes,
              size) ||
      header.tensors_offset % kRegionAlignment)
    return fail(error, GEMMAC_CORRUPT,
                "%s: tensors at %" PRIu64 " with %" PRIu64 " bytes do not fit the file's %" PRIu64
                " bytes after the metadata, on a multiple of %" PRIu64,
                file, header.tensors_offset, header.tensors_bytes, size, kRegionAlignment);
  return GEMMAC_OK;
}

static gemmac_status checkIds(const flatbuffers::Vector<int32_t> &ids, const char *field, uint32_t vocab,
                              const char *file, gemmac_error *error) {
  for (int32_t id : ids)
    if (id < 0 || static_cast<uint32_t>(id) >= vocab)
      return fail(error, GEMMAC_CORRUPT, "%s: %s holds id %d, the vocabulary has 0 to %u", file, field, id,
                  vocab - 1);
  return GEMMAC_OK;
}

static gemmac_status checkGeneration(const Generation &generation, uint32_t vocab, const char *file,
                                     gemmac_error *error) {
  if (generation.bos() < -1 || generation.bos() >= static_cast<int64_t>(vocab))
    return fail(error, GEMMAC_CORRUPT, "%s: generation.bos is %d, the vocabulary has 0 to %u", file,
                generation.bos(), vocab - 1);
  if (gemmac_status status = checkIds(*generation.stop(), "generation.stop", vocab, file, error))
    return status;
  if (gemmac_status status = checkIds(*generation.suppress(), "generation.suppress", vocab, file, error))
    return status;
  if (!isTemperature(generation.temperature()))
    return fail(error, GEMMAC_CORRUPT, "%s: generation.temperature is %g, not a number from 0", file,
                generation.temperature());
  if (!isFraction(generation.top_p()))
    return fail(error, GEMMAC_CORRUPT, "%s: generation.top_p is %g, not in 0 to 1", file, generation.top_p());
  if (!isFraction(generation.min_p()))
    return fail(error, GEMMAC_CORRUPT, "%s: generation.min_p is %g, not in 0 to 1", file, generation.min_p());
  if (!isRepetitionPenalty(generation.repetition_penalty()))
    return fail(error, GEMMAC_CORRUPT, "%s: generation.repetition_penalty is %g, not above 0", file,
                generation.repetition_penalty());
  return GEMMAC_OK;
}

static gemmac_status checkTensors(const Metadata &metadata, uint64_t regionBytes, const char *file,
                                  gemmac_error *error) {
  for (const Tensor *tensor : *metadata.tensors()) {
    const char *name = tensor->name()->c_str();
    if (tensor->planes()->size() == 0)
      return fail(error, GEMMAC_CORRUPT, "%s: tensor '%s' has no planes", file, name);
    // The verifier looks at where a vector's length stands, not at its structs.
    if (reinterpret_cast<uintptr_t>(tensor->planes()->Data()) % alignof(Plane) != 0)
      return fail(error, GEMMAC_CORRUPT,
                  "%s: the planes of tensor '%s' are not described at a multiple of %zu", file, name,
                  alignof(Plane));
    for (const Plane *plane : *tensor->planes())
      if (!inside(plane->offset(), plane->bytes(), 0, regionBytes) || plane->offset() % kPlaneAlignment)
        return fail(error, GEMMAC_CORRUPT,
                    "%s: tensor '%s' at %" PRIu64 " with %" PRIu64 " bytes does not fit the %" PRIu64
                    " tensor bytes, on a multiple of %" PRIu64,
                    file, name, plane->offset(), plane->bytes(), regionBytes, kPlaneAlignment);
  }
  return GEMMAC_OK;
}

gemmac_status Package::open(const uint8_t *data, uint64_t size, const char *file, gemmac_error *error) {
  if (size < sizeof(Header))
    return fail(error, GEMMAC_CORRUPT, "%s: has %" PRIu64 " bytes, a package begins with a header of %zu",
                file, size, sizeof(Header));
  const Header &header = *reinterpret_cast<const Header *>(data);
  if (gemmac_status status = checkHeader(header, size, file, error))
    return status;

  const uint8_t *metadataBytes = data + header.metadata_offset;
  if (headerChecksum(header, metadataBytes) != header.checksum)
    return fail(error, GEMMAC_CORRUPT,
                "%s: header and metadata do not fit their checksum: bytes have changed", file);
  // The verifier asserts what its caller has to check.
  if (header.metadata_bytes >= FLATBUFFERS_MAX_BUFFER_SIZE)
    return fail(error, GEMMAC_CORRUPT, "%s: metadata of %" PRIu64 " bytes is larger than any", file,
                header.metadata_bytes);
  flatbuffers::Verifier verifier(metadataBytes, header.metadata_bytes);
  if (!VerifyMetadataBuffer(verifier))
    return fail(error, GEMMAC_CORRUPT, "%s: metadata is no well-formed FlatBuffer of a package", file);

  const Metadata &metadata = *GetMetadata(metadataBytes);
  if (metadata.vocab_size() == 0 || metadata.vocab_size() > INT32_MAX)
    return fail(error, GEMMAC_CORRUPT, "%s: vocab_size is %u", file, metadata.vocab_size());
  if (metadata.context() == 0 || metadata.context() > INT32_MAX)
    return fail(error, GEMMAC_CORRUPT, "%s: context is %u", file, metadata.context());
  if (metadata.max_tokens() == 0 || metadata.max_tokens() > metadata.context())
    return fail(error, GEMMAC_CORRUPT, "%s: max_tokens is %u, not in 1 to %u (the context)", file,
                metadata.max_tokens(), metadata.context());
  if (gemmac_status status = checkGeneration(*metadata.generation(), metadata.vocab_size(), file, error))
    return status;
  if (gemmac_status status = checkTensors(metadata, header.tensors_bytes, file, error))
    return status;
  bytes = data;
  root = &metadata;
  return GEMMAC_OK;
}

gemmac_status Package::verifyTensor(const Tensor &tensor, const char *file, gemmac_error *error) const {
  for (const Plane *plane : *tensor.planes())
    if (checksumOf(tensors() + plane->offset(), plane->bytes()) != plane->checksum())
      return fail(error, GEMMAC_CORRUPT, "%s: tensor '%s' does not fit its checksum: bytes have changed",
                  file, tensor.name()->c_str());
  return GEMMAC_OK;
}

gemmac_status Package::verifyTensors(const char *file, gemmac_error *error) const {
  for (const Tensor *tensor : *root->tensors())
    if (gemmac_status status = verifyTensor(*tensor, file, error))
      return status;
  return GEMMAC_OK;
}

} // namespace gemmac::format
