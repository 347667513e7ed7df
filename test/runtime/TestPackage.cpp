#include "TestPackage.h"

#include "FakeModel.h"
#include "runtime/tokenizer/Tables.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace gemmac::test {

using namespace format;

static std::unique_ptr<TensorT> tensor(const char *name, uint64_t rows, uint64_t columns, uint64_t offset) {
  auto tensor = std::make_unique<TensorT>();
  tensor->name = name;
  tensor->scheme = "f32";
  tensor->layout = "rows";
  tensor->rows = rows;
  tensor->columns = columns;
  tensor->planes.emplace_back(offset, rows * columns * 4, 0);
  return tensor;
}

/// 0 <pad>, 1 <eos>, 2 <bos>, 3 <unk>, 4 ▁, then letters; the last ones are two letters each. "b" and "a" are
/// merged.
static std::unique_ptr<TokenizerT> fakeTokenizer() {
  auto tables = std::make_unique<TokenizerT>();
  std::vector<std::string> pieces = {"<pad>", "<eos>", "<bos>", "<unk>", "▁"};
  for (char c = 'a'; c <= 'z'; ++c)
    pieces.push_back({c});
  pieces.push_back("ba");
  for (char c = 'a'; pieces.size() < FAKE_VOCAB; ++c)
    pieces.push_back({c, 'Z'});
  tables->vocab_size = FAKE_VOCAB;
  tables->pad = 0;
  tables->eos = 1;
  tables->bos = 2;
  tables->unk = 3;
  tables->starts.push_back(0);
  tables->char_pages.assign(kCodePointPages, 2);
  tables->char_pages[0] = 0;
  tables->char_pages[kSpaceMark >> 8] = 1;
  tables->char_ids.assign(3 * 256, kNoToken);
  tables->char_ids[256 + (kSpaceMark & 255)] = 4;
  for (size_t id = 0; id < pieces.size(); ++id) {
    tables->text.insert(tables->text.end(), pieces[id].begin(), pieces[id].end());
    tables->starts.push_back(tables->text.size());
    tables->kinds.push_back(id < 4 ? kSpecialToken | kAddedToken : 0);
    tables->longest_piece = std::max<uint32_t>(tables->longest_piece, pieces[id].size());
    if (pieces[id].size() == 1)
      tables->char_ids[uint8_t(pieces[id][0])] = id;
  }
  // Of the added tokens <bos> is found in a text: a node for each byte, below the root.
  for (const char *c = "?<bos>"; *c; ++c)
    tables->added.emplace_back(static_cast<uint32_t>(tables->added.size() + 1), c[1] ? kNoToken : 2,
                               c[1] ? 1 : 0, static_cast<uint8_t>(*c));
  tables->byte_ids.assign(256, kNoToken);
  tables->rank_bits = 4;
  tables->merge_slots.assign(4, 0);
  tables->merges.emplace_back(6, 5, 31);
  uint64_t hash = hashPair(6, 5);
  tables->merge_slots[hash & 3] = mergeTag(hash, 4) | 1;
  return tables;
}

Contents fakeContents() {
  Contents contents;
  contents.tensors.resize(FAKE_WEIGHTS);
  MetadataT &metadata = contents.metadata;
  metadata.name = fake_model.name;
  metadata.target = fake_model.target;
  metadata.cpu_features = fake_model.cpu_features;
  metadata.compiler_version = "0.1.0";
  metadata.fingerprint = fake_model.fingerprint;
  metadata.context = fake_model.context;
  metadata.max_tokens = fake_model.max_tokens;
  metadata.vocab_size = fake_model.vocab_size;
  metadata.arena_bytes = fake_model.arena_bytes;
  metadata.cache_bytes = fake_model.cache_bytes;
  metadata.tensors.push_back(tensor("embedding", 64, 16, 0));
  metadata.tensors.push_back(tensor("norm", 1, 16, 4096));
  metadata.generation = std::make_unique<GenerationT>();
  metadata.generation->bos = 2;
  metadata.generation->stop = {1};
  metadata.quantization = std::make_unique<QuantizationT>();
  metadata.quantization->weights = metadata.quantization->activations = metadata.quantization->cache = "f32";
  metadata.tokenizer = fakeTokenizer();
  metadata.tokenizer->chat_template = "{{ bos_token }}";
  return contents;
}

Bytes write(const Contents &contents) {
  MetadataT metadata(contents.metadata);
  for (auto &tensor : metadata.tensors)
    for (Plane &plane : tensor->planes)
      if (plane.offset() <= contents.tensors.size() &&
          plane.bytes() <= contents.tensors.size() - plane.offset())
        plane = Plane(plane.offset(), plane.bytes(),
                      checksumOf(contents.tensors.data() + plane.offset(), plane.bytes()));
  flatbuffers::FlatBufferBuilder builder;
  FinishMetadataBuffer(builder, Metadata::Pack(builder, &metadata));

  Header header = {};
  memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kFormatVersion;
  header.header_bytes = sizeof(Header);
  header.metadata_offset = sizeof(Header);
  header.metadata_bytes = builder.GetSize();
  header.tensors_offset = (header.metadata_offset + header.metadata_bytes + kRegionAlignment - 1) /
                          kRegionAlignment * kRegionAlignment;
  header.tensors_bytes = contents.tensors.size();
  header.file_bytes = header.tensors_offset + header.tensors_bytes;
  Bytes bytes(header.file_bytes);
  memcpy(bytes.data(), &header, sizeof(header));
  memcpy(bytes.data() + header.metadata_offset, builder.GetBufferPointer(), builder.GetSize());
  std::copy(contents.tensors.begin(), contents.tensors.end(), bytes.begin() + header.tensors_offset);
  seal(bytes);
  return bytes;
}

Header &headerOf(Bytes &bytes) {
  return *reinterpret_cast<Header *>(bytes.data());
}
const Header &headerOf(const Bytes &bytes) {
  return *reinterpret_cast<const Header *>(bytes.data());
}

void seal(Bytes &bytes) {
  Header &header = headerOf(bytes);
  header.checksum = headerChecksum(header, bytes.data() + header.metadata_offset);
}

TemporaryFile::TemporaryFile(const std::string &name, const Bytes &bytes) : path(folder / name) {
  FILE *file = fopen(path.c_str(), "wb");
  fwrite(bytes.data(), 1, bytes.size(), file);
  fclose(file);
}

} // namespace gemmac::test
