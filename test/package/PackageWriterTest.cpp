//===- PackageWriterTest.cpp - what is written can be opened, and says what was meant -------------------===//

#include "compiler/package/PackageWriter.h"

#include "MemorySource.h"
#include "compiler/package/Manifest.h"
#include "compiler/package/ModelHeader.h"
#include "compiler/package/PackageFile.h"
#include "compiler/package/TokenizerTables.h"
#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace gemmac;
using gemmac::test::MemorySource;

namespace {

/// A model of two weights and three tokens.
class Packages : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "gemmac-package-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;

    facts.name = "small";
    facts.target.name = "device";
    facts.target.requires_ = {"avx2", "fma"};
    facts.scheme = "q4_0";
    facts.activations = "q8_0";
    facts.cacheScheme = "f16";
    facts.vocabSize = 3;
    facts.context = 8;
    facts.maxTokens = 4;
    facts.arenaBytes = 640;
    facts.cacheBytes = 128;
    facts.fingerprint = 0x1234;
    generation.stop = {2};
    generation.temperature = 0.5;
    tokenizer.pieces = {"<pad>", "a", "<eos>"};
    tokenizer.special = {true, false, true};

    source.addFloats("norm", {32}, std::vector<float>(32, 1.5f));
    source.addFloats("matrix", {20, 64}, std::vector<float>(20 * 64, 0.25f));
    add("norm", Scheme::f32, Layout::vector, {32});
    add("matrix", Scheme::q4_0, Layout::tiles16, {20, 64});
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  void add(const std::string &name, Scheme scheme, Layout layout, std::vector<int64_t> logical) {
    PlannedWeight weight;
    weight.name = name;
    weight.scheme = scheme;
    weight.layout = layout;
    weight.logical = std::move(logical);
    weight.sources = {{name, {}, {}}};
    weight.planes = planesOf(layout, scheme, weight.shape());
    for (const Plane &plane : weight.planes) {
      weight.offsets.push_back(facts.weightsBytes);
      facts.weightsBytes += (plane.bytes() + 63) / 64 * 64;
    }
    weights.push_back(weight);
  }

  std::string path(const std::string &name) const { return folder + "/" + name; }

  std::vector<PackedWeight> write(const std::string &name, unsigned threads = 2) {
    auto file = OutputFile::create(path(name));
    EXPECT_TRUE(static_cast<bool>(file));
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
    auto packed = writePackage(*file, {facts, generation, tokenizer, weights}, source, pool, [](int64_t) {});
    if (!packed) {
      ADD_FAILURE() << llvm::toString(packed.takeError());
      return {};
    }
    EXPECT_FALSE(file->commit());
    return *packed;
  }

  static std::string bytes(const std::string &file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string folder;
  ModelFacts facts;
  GenerationConfig generation;
  Tokenizer tokenizer;
  std::vector<PlannedWeight> weights;
  MemorySource source;
};

TEST_F(Packages, SayWhatTheyWereGiven) {
  write("small.weights");
  auto package = PackageFile::open(path("small.weights"));
  ASSERT_TRUE(static_cast<bool>(package)) << llvm::toString(package.takeError());
  const format::Metadata &metadata = package->metadata();
  EXPECT_EQ(metadata.name()->str(), "small");
  EXPECT_EQ(metadata.cpu_features()->str(), "avx2 fma");
  EXPECT_EQ(metadata.fingerprint(), 0x1234u);
  EXPECT_EQ(metadata.context(), 8u);
  EXPECT_EQ(metadata.cache_bytes(), 128u);
  EXPECT_EQ(metadata.quantization()->activations()->str(), "q8_0");
  EXPECT_EQ(metadata.generation()->stop()->Get(0), 2);
  EXPECT_TRUE(metadata.generation()->sample());
  EXPECT_EQ(metadata.tokenizer()->vocab_size(), 3u);
  ASSERT_EQ(metadata.tensors()->size(), 2u);
  EXPECT_EQ(metadata.tensors()->Get(1)->rows(), 20u);
  EXPECT_EQ(package->header().tensors_bytes, static_cast<uint64_t>(facts.weightsBytes));
}

TEST_F(Packages, HaveTheChecksumsOfTheirBytes) {
  write("small.weights");
  auto package = PackageFile::open(path("small.weights"));
  ASSERT_TRUE(static_cast<bool>(package));
  int64_t read = 0, toRead = 0;
  EXPECT_FALSE(package->verify([&](int64_t done, int64_t all) { read = done, toRead = all; }));
  EXPECT_EQ(read, toRead);
  EXPECT_GT(read, 0);
}

TEST_F(Packages, AreFoundOutWhenAByteChanges) {
  write("small.weights");
  std::string text = bytes(path("small.weights"));
  text[text.size() - 64] ^= 1; // in the scales of the matrix's last tile
  std::ofstream(path("small.weights"), std::ios::binary) << text;
  auto package = PackageFile::open(path("small.weights"));
  ASSERT_TRUE(static_cast<bool>(package));
  std::string message = llvm::toString(package->verify([](int64_t, int64_t) {}));
  EXPECT_NE(message.find("tensor 'matrix' does not fit its checksum"), std::string::npos) << message;
}

TEST_F(Packages, AreTheSameBytesEveryTime) {
  write("one.weights", 1);
  write("two.weights", 3);
  EXPECT_EQ(bytes(path("one.weights")), bytes(path("two.weights")));
}

TEST_F(Packages, LeaveNothingWhereAWeightIsMissing) {
  weights.back().sources = {{"gone", {}, {}}};
  {
    auto file = OutputFile::create(path("small.weights"));
    ASSERT_TRUE(static_cast<bool>(file));
    llvm::DefaultThreadPool pool(llvm::hardware_concurrency(1));
    auto packed = writePackage(*file, {facts, generation, tokenizer, weights}, source, pool, [](int64_t) {});
    EXPECT_EQ(llvm::toString(packed.takeError()), "weight 'matrix': the checkpoint has no tensor 'gone'");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Packages, ComeWithAManifestOfAllSizes) {
  std::vector<PackedWeight> packed = write("small.weights");
  KernelFacts kernel{{.family = "add", .constants = {{"heads", int64_t{1}}, {"size", int64_t{64}}}}, 1000};
  Contents contents{weights, packed, {&kernel, 1}, {}, {}, 2000, 3000};
  nlohmann::json text = nlohmann::json::parse(manifest(facts, contents), nullptr, false);
  ASSERT_FALSE(text.is_discarded());
  EXPECT_EQ(text["bytes"]["weights"], facts.weightsBytes);
  EXPECT_EQ(text["bytes"]["weights_by_scheme"]["f32"], 128);
  EXPECT_EQ(text["bytes"]["weights_by_scheme"]["q4_0"], 32 * 64 / 2 + 32 * 2 * 2); // two tiles of 16 rows
  EXPECT_EQ(text["bytes"]["kernel_objects"], 1000);
  EXPECT_EQ(text["kernels"][0]["constants"]["size"], 64);
  EXPECT_EQ(text["tensors"][1]["relative_error"], packed[1].relativeError);
}

TEST_F(Packages, ComeWithAHeaderThatStandsAlone) {
  std::string header = modelHeader(facts);
  EXPECT_NE(header.find("extern const gemmac_model gemmac_model_small;"), std::string::npos);
  EXPECT_NE(header.find("gemmac_status gemmac_open("), std::string::npos);
  EXPECT_EQ(header.find("\n#include \"gemmac/"), std::string::npos);
}

} // namespace
