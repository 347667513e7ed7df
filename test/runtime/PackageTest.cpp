#include "TestPackage.h"

#include "runtime/format/Package.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace gemmac;
using namespace gemmac::format;

namespace {

struct Opened {
  gemmac_status status;
  std::string message;
};

Opened open(const test::Bytes &bytes, Package *package = nullptr) {
  Package here;
  gemmac_error error = {};
  gemmac_status status = (package ? *package : here).open(bytes.data(), bytes.size(), "a.weights", &error);
  return {status, error.text};
}

Opened verify(const test::Bytes &bytes) {
  Package package;
  gemmac_error error = {};
  if (gemmac_status status = package.open(bytes.data(), bytes.size(), "a.weights", &error))
    return {status, error.text};
  gemmac_status status = package.verifyTensors("a.weights", &error);
  return {status, error.text};
}

void expectCorrupt(const test::Bytes &bytes, const char *what) {
  Opened opened = open(bytes);
  EXPECT_EQ(opened.status, GEMMAC_CORRUPT) << opened.message;
  EXPECT_NE(opened.message.find("a.weights: "), std::string::npos) << opened.message;
  EXPECT_NE(opened.message.find(what), std::string::npos) << opened.message;
}

/// A package with one thing changed before it is written.
test::Bytes changed(void (*change)(MetadataT &)) {
  test::Contents contents = test::fakeContents();
  change(contents.metadata);
  return test::write(contents);
}

/// The package whose tensor has its first plane there.
test::Bytes withPlane(size_t tensor, uint64_t offset, uint64_t bytes) {
  test::Contents contents = test::fakeContents();
  contents.metadata.tensors[tensor]->planes[0] = Plane(offset, bytes, 0);
  return test::write(contents);
}

TEST(Package, GoodOneOpens) {
  test::Bytes bytes = test::write(test::fakeContents());
  Package package;
  ASSERT_EQ(open(bytes, &package).status, GEMMAC_OK);
  EXPECT_EQ(package.metadata().name()->str(), "fake");
  EXPECT_EQ(package.header().tensors_offset % 4096, 0u);
  EXPECT_EQ(package.metadata().tensors()->size(), 2u);
  EXPECT_EQ(verify(bytes).status, GEMMAC_OK);
}

TEST(Package, EveryLengthThatIsCutShort) {
  test::Bytes whole = test::write(test::fakeContents());
  for (size_t size = 0; size < whole.size(); size += size < 8192 ? 1 : 97) {
    test::Bytes cut(whole.begin(), whole.begin() + size);
    ASSERT_EQ(open(cut).status, GEMMAC_CORRUPT) << size;
  }
  whole.resize(whole.size() - 1);
  expectCorrupt(whole, "cut short");
}

TEST(Package, LongerThanWritten) {
  test::Bytes bytes = test::write(test::fakeContents());
  bytes.push_back(0);
  expectCorrupt(bytes, "longer than it was written");
}

TEST(Package, EveryFlippedByteOfHeaderAndMetadata) {
  test::Bytes bytes = test::write(test::fakeContents());
  const uint64_t end = test::headerOf(bytes).metadata_offset + test::headerOf(bytes).metadata_bytes;
  for (uint64_t at = 0; at < end; ++at) {
    bytes[at] ^= 0x40;
    ASSERT_NE(open(bytes).status, GEMMAC_OK) << "byte " << at;
    bytes[at] ^= 0x40;
  }
}

TEST(Package, FlippedBytesOfTensorsNameTheTensor) {
  test::Bytes bytes = test::write(test::fakeContents());
  uint8_t *tensors = bytes.data() + test::headerOf(bytes).tensors_offset;
  for (uint64_t at = 0; at < 4096; at += 61) {
    tensors[at] ^= 1;
    EXPECT_EQ(open(bytes).status, GEMMAC_OK);
    EXPECT_EQ(verify(bytes).status, GEMMAC_CORRUPT);
    EXPECT_NE(verify(bytes).message.find("'embedding'"), std::string::npos);
    tensors[at] ^= 1;
  }
  tensors[4096 + 63] ^= 0x80;
  EXPECT_NE(verify(bytes).message.find("'norm'"), std::string::npos) << verify(bytes).message;
}

TEST(Package, NoPackageAtAll) {
  test::Bytes bytes(10000, 'x');
  expectCorrupt(bytes, "is no gemmac package");
}

TEST(Package, AnotherFormatVersion) {
  test::Bytes bytes = test::write(test::fakeContents());
  test::headerOf(bytes).version = kFormatVersion + 1;
  test::seal(bytes);
  Opened opened = open(bytes);
  EXPECT_EQ(opened.status, GEMMAC_VERSION_MISMATCH);
  EXPECT_NE(opened.message.find("format version " + std::to_string(kFormatVersion + 1)), std::string::npos)
      << opened.message;
}

TEST(Package, AbsurdNumbersInTheHeader) {
  const test::Bytes good = test::write(test::fakeContents());
  uint64_t Header::*fields[] = {&Header::metadata_offset, &Header::metadata_bytes, &Header::tensors_offset,
                                &Header::tensors_bytes, &Header::file_bytes};
  for (uint64_t Header::*field : fields)
    for (uint64_t value :
         {uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 63, UINT64_MAX - 4095, uint64_t{good.size()} + 1}) {
      test::Bytes bytes = good;
      test::headerOf(bytes).*field = value;
      ASSERT_EQ(open(bytes).status, GEMMAC_CORRUPT) << value;
    }
  test::Bytes bytes = good;
  test::headerOf(bytes).tensors_offset -= 64;
  expectCorrupt(bytes, "multiple of 4096");
  bytes = good;
  test::headerOf(bytes).metadata_offset = 0;
  expectCorrupt(bytes, "metadata at 0");
  bytes = good;
  test::headerOf(bytes).header_bytes = 65;
  expectCorrupt(bytes, "65 bytes");
}

TEST(Package, TensorsOutsideTheFile) {
  expectCorrupt(withPlane(1, 1 << 20, 64), "tensor 'norm'");
  expectCorrupt(withPlane(1, 4096, UINT64_MAX), "tensor 'norm'");
  expectCorrupt(withPlane(0, UINT64_MAX - 63, 64), "tensor 'embedding'");
  expectCorrupt(withPlane(1, 4096, 65), "tensor 'norm'");
  expectCorrupt(withPlane(1, 4, 64), "multiple of 64");
  expectCorrupt(changed([](MetadataT &m) { m.tensors[1]->planes.clear(); }), "has no planes");
}

TEST(Package, NumbersThatMakeNoModel) {
  expectCorrupt(changed([](MetadataT &m) { m.vocab_size = 0; }), "vocab_size is 0");
  expectCorrupt(changed([](MetadataT &m) { m.context = 0; }), "context is 0");
  expectCorrupt(changed([](MetadataT &m) { m.max_tokens = m.context + 1; }), "max_tokens");
  expectCorrupt(changed([](MetadataT &m) { m.generation->stop = {64}; }), "generation.stop holds id 64");
  expectCorrupt(changed([](MetadataT &m) { m.generation->suppress = {-1}; }),
                "generation.suppress holds id -1");
  expectCorrupt(changed([](MetadataT &m) { m.generation->bos = 64; }), "generation.bos is 64");
  expectCorrupt(changed([](MetadataT &m) { m.generation->temperature = NAN; }), "temperature");
  expectCorrupt(changed([](MetadataT &m) { m.generation->top_p = -0.5f; }), "top_p");
  expectCorrupt(changed([](MetadataT &m) { m.generation->min_p = 2; }), "min_p");
  expectCorrupt(changed([](MetadataT &m) { m.generation->repetition_penalty = 0; }), "repetition_penalty");
}

// Somebody who writes checksums that fit may write anything else too: nothing but a status may come of it.
TEST(Package, AnyMetadataWithAGoodChecksum) {
  const test::Bytes good = test::write(test::fakeContents());
  const uint64_t begin = test::headerOf(good).metadata_offset, bytes = test::headerOf(good).metadata_bytes;
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    test::Bytes mutated = good;
    for (int flips = 1 + random() % 4; flips > 0; --flips)
      mutated[begin + random() % bytes] = random() % 2 ? random() : 0xff;
    test::seal(mutated);
    refused += verify(mutated).status != GEMMAC_OK;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Package, MessagesAreSafeForTerminals) {
  test::Bytes bytes = changed([](MetadataT &m) {
    m.tensors[0]->name = "bad\x1b[31m\n";
    m.tensors[0]->planes.clear();
  });
  Opened opened = open(bytes);
  EXPECT_EQ(opened.message, "a.weights: tensor 'bad?[31m?' has no planes");
}

} // namespace
