//===- PackageWriter.cpp - the .weights file ------------------------------------------------------------===//

#include "compiler/package/PackageWriter.h"

#include "compiler/package/TokenizerTables.h"
#include "compiler/package/Version.h"
#include "runtime/format/Package.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

namespace gemmac {
namespace {

/// The metadata as a FlatBuffer. Defaults are written too, so that its size does not depend on the checksums
/// and the tensors' offset is known before they are packed.
class Metadata {
public:
  explicit Metadata(const PackageContents &contents) : contents_(contents) { builder_.ForceDefaults(true); }

  std::vector<uint8_t> build(const std::vector<PackedWeight> &packed);

private:
  flatbuffers::Offset<flatbuffers::String> text(const std::string &words) {
    return builder_.CreateString(words);
  }
  flatbuffers::Offset<format::Tensor> tensor(const PlannedWeight &weight, const PackedWeight &packed);
  flatbuffers::Offset<format::Generation> generation();

  const PackageContents &contents_;
  flatbuffers::FlatBufferBuilder builder_;
};

flatbuffers::Offset<format::Tensor> Metadata::tensor(const PlannedWeight &weight,
                                                     const PackedWeight &packed) {
  std::vector<format::Plane> planes;
  for (size_t i = 0; i < weight.planes.size(); ++i)
    planes.emplace_back(static_cast<uint64_t>(weight.offsets[i]),
                        static_cast<uint64_t>(weight.planes[i].bytes()),
                        packed.checksums.empty() ? 0 : packed.checksums[i]);
  auto name = text(weight.name), scheme = text(std::string(nameOf(weight.scheme))),
       layout = text(std::string(nameOf(weight.layout)));
  auto places = builder_.CreateVectorOfStructs(planes);
  WeightShape shape = weight.shape();
  return format::CreateTensor(builder_, name, scheme, layout, static_cast<uint64_t>(shape.experts),
                              static_cast<uint64_t>(shape.rows), static_cast<uint64_t>(shape.columns), places,
                              static_cast<float>(packed.relativeError), static_cast<float>(packed.maxError));
}

flatbuffers::Offset<format::Generation> Metadata::generation() {
  const GenerationConfig &config = contents_.generation;
  auto stop = builder_.CreateVector(config.stop), suppress = builder_.CreateVector(config.suppress);
  return format::CreateGeneration(builder_, config.bos.value_or(-1), stop, suppress,
                                  /*sample=*/config.temperature > 0, static_cast<float>(config.temperature),
                                  static_cast<uint32_t>(config.topK), static_cast<float>(config.topP),
                                  static_cast<float>(config.minP),
                                  static_cast<float>(config.repetitionPenalty));
}

std::vector<uint8_t> Metadata::build(const std::vector<PackedWeight> &packed) {
  const ModelFacts &facts = contents_.facts;
  builder_.Clear();
  std::vector<flatbuffers::Offset<format::Tensor>> tensors;
  for (auto [weight, result] : llvm::zip_equal(contents_.weights, packed))
    tensors.push_back(tensor(weight, result));
  auto tensorList = builder_.CreateVector(tensors);
  auto tokenizer = buildTokenizer(builder_, contents_.tokenizer);
  auto sampling = generation();
  auto weights = text(facts.scheme), activations = text(facts.activations), cache = text(facts.cacheScheme);
  auto quantization = format::CreateQuantization(builder_, weights, activations, cache);
  auto name = text(facts.name), target = text(facts.target.name), version = text(compilerVersion());
  auto features = text(llvm::join(facts.target.requires_, " "));
  format::FinishMetadataBuffer(
      builder_,
      format::CreateMetadata(builder_, name, target, features, version, facts.fingerprint,
                             static_cast<uint32_t>(facts.context), static_cast<uint32_t>(facts.maxTokens),
                             static_cast<uint32_t>(facts.vocabSize), static_cast<uint64_t>(facts.arenaBytes),
                             static_cast<uint64_t>(facts.cacheBytes), static_cast<uint64_t>(facts.stackBytes),
                             tensorList, sampling, quantization, tokenizer));
  return {builder_.GetBufferPointer(), builder_.GetBufferPointer() + builder_.GetSize()};
}

} // namespace

llvm::Expected<std::vector<PackedWeight>> writePackage(OutputFile &file, const PackageContents &contents,
                                                       const WeightSource &source,
                                                       llvm::ThreadPoolInterface &threads,
                                                       const std::function<void(int64_t)> &progress) {
  std::vector<PackedWeight> packed(contents.weights.size());
  Metadata metadata(contents);
  std::vector<uint8_t> bytes = metadata.build(packed);

  format::Header header{};
  std::copy(std::begin(format::kMagic), std::end(format::kMagic), header.magic);
  header.version = format::kFormatVersion;
  header.header_bytes = sizeof(header);
  header.metadata_offset = sizeof(header);
  header.metadata_bytes = bytes.size();
  header.tensors_offset = llvm::alignTo(sizeof(header) + bytes.size(), format::kRegionAlignment);
  header.tensors_bytes = static_cast<uint64_t>(contents.facts.weightsBytes);
  header.file_bytes = header.tensors_offset + header.tensors_bytes;
  // A disk that is too small is reported before the weights are packed, not after.
  if (llvm::Error error = file.reserve(header.file_bytes))
    return std::move(error);

  int64_t done = 0;
  auto write = [&](int64_t offset, std::span<const uint8_t> plane) {
    done += static_cast<int64_t>(plane.size());
    progress(done);
    return file.writeAt(header.tensors_offset + static_cast<uint64_t>(offset), plane);
  };
  for (auto [weight, result] : llvm::zip_equal(contents.weights, packed)) {
    llvm::Expected<PackedWeight> done = packWeight(weight, source, threads, write);
    if (!done)
      return done.takeError();
    result = std::move(*done);
  }

  bytes = metadata.build(packed);
  assert(bytes.size() == header.metadata_bytes && "checksums do not change the size of the metadata");
  header.checksum = format::headerChecksum(header, bytes.data());
  if (llvm::Error error = file.writeAt(0, {reinterpret_cast<const uint8_t *>(&header), sizeof(header)}))
    return std::move(error);
  if (llvm::Error error = file.writeAt(header.metadata_offset, bytes))
    return std::move(error);
  return packed;
}

} // namespace gemmac
