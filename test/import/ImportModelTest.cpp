//===- ImportModelTest.cpp - every shape of the family becomes a module ---------------------------------===//

#include "compiler/import/ImportModel.h"
#include "Folder.h"
#include "compiler/import/Checkpoint.h"
#include "dialects/gemma/Gemma.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"

namespace gemmac {
namespace {

using mlir::ModuleOp;
using mlir::OwningOpRef;

/// A module, or what was said instead of one.
struct Imported {
  mlir::MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::vector<std::string> errors, remarks;

  Imported(const ModelConfig &config, const WeightSource &weights, const ImportOptions &options = {}) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      bool error = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
      (error ? errors : remarks).push_back(diagnostic.str());
    });
    if (auto result = importModel(context, config, weights, options); mlir::succeeded(result))
      module = std::move(*result);
  }

  std::string error() const {
    return errors.size() == 1 ? errors[0] : std::to_string(errors.size()) + " errors";
  }

  template <typename Op>
  std::vector<Op> all() {
    std::vector<Op> ops;
    module->walk([&](Op op) { ops.push_back(op); });
    return ops;
  }

  template <typename Op>
  Op in(int64_t layer) {
    for (Op op : all<Op>())
      if (auto index = op->template getAttrOfType<mlir::IntegerAttr>("gemma.layer");
          index && index.getInt() == layer)
        return op;
    return nullptr;
  }

  mlir::Attribute string(llvm::StringRef text) { return mlir::StringAttr::get(&context, text); }

  std::vector<int64_t> shapeOf(llvm::StringRef symbol) {
    auto weight = module->lookupSymbol<gemma::WeightOp>(symbol);
    return weight ? weight.getTensorType().getShape().vec() : std::vector<int64_t>();
  }
};

/// The tensors of a checkpoint without their bytes, for tests that bend them.
class BentWeights : public WeightSource {
public:
  std::map<std::string, SourceTensor, std::less<>> tensors;

  explicit BentWeights(const WeightSource &straight) {
    for (const std::string &name : straight.names())
      tensors[name] = *straight.find(name);
  }
  const SourceTensor *find(std::string_view name) const override {
    auto found = tensors.find(name);
    return found == tensors.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto &[name, tensor] : tensors)
      all.push_back(name);
    return all;
  }
  std::string fileOf(std::string_view name) const override { return "bent.safetensors"; }

  void add(const std::string &name, std::vector<int64_t> shape) {
    tensors[name] = {name, "bf16", std::move(shape), {}};
  }
};

Checkpoint open(const std::string &directory) {
  auto checkpoint = openCheckpoint(directory);
  if (checkpoint)
    return std::move(*checkpoint);
  ADD_FAILURE() << llvm::toString(checkpoint.takeError());
  return {};
}

class ExampleImport : public testing::Test {
protected:
  Checkpoint example = open(GEMMAC_EXAMPLES_DIR "/bard-e2b");
  BentWeights weights{*example.weights};

  std::string errorOfImport(const ImportOptions &options = {}) {
    Imported imported(example.config, weights, options);
    EXPECT_FALSE(imported.module);
    return imported.error();
  }
};

TEST_F(ExampleImport, IsAPureFunctionOfIds) {
  Imported imported(example.config, weights, {.name = "bard", .context = 100, .maxTokens = 128});
  ASSERT_TRUE(imported.module) << imported.error();
  auto integer = [&](const char *name) {
    return (*imported.module)->getAttrOfType<mlir::IntegerAttr>(name).getInt();
  };
  EXPECT_EQ((*imported.module)->getAttrOfType<mlir::StringAttr>("gemma.name").getValue(), "bard");
  EXPECT_EQ(integer("gemma.context"), 100);
  EXPECT_EQ(integer("gemma.max_tokens"), 100);
  auto forward = imported.module->lookupSymbol<mlir::func::FuncOp>("forward");
  ASSERT_TRUE(forward);
  std::string type;
  llvm::raw_string_ostream(type) << forward.getFunctionType();
  EXPECT_EQ(type, "(tensor<?xi32>) -> tensor<?x2048xf32>");
}

TEST_F(ExampleImport, WeightsHaveTheModelsWords) {
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.shapeOf("embedding"), (std::vector<int64_t>{2048, 128}));
  EXPECT_EQ(imported.shapeOf("per_layer_embedding"), (std::vector<int64_t>{2048, 320}));
  EXPECT_EQ(imported.shapeOf("per_layer_projection"), (std::vector<int64_t>{320, 128}));
  EXPECT_EQ(imported.shapeOf("layer4.query"), (std::vector<int64_t>{256, 128}));
  EXPECT_EQ(imported.shapeOf("layer4.key"), (std::vector<int64_t>{64, 128}));
  EXPECT_EQ(imported.shapeOf("layer5.gate"), (std::vector<int64_t>{384, 128}));
  EXPECT_EQ(imported.shapeOf("layer6.gate"), (std::vector<int64_t>{768, 128}));
  EXPECT_EQ(imported.shapeOf("layer6.key"), (std::vector<int64_t>{})); // shared
  auto weight = imported.module->lookupSymbol<gemma::WeightOp>("layer9.per_layer_projection");
  ASSERT_TRUE(weight);
  EXPECT_EQ(weight.getSources()[0], imported.string("model.layers.9.per_layer_projection.weight"));
}

TEST_F(ExampleImport, SharedLayersReadTheirDonorsKeys) {
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.in<gemma::ScoresOp>(6).getKeys(), imported.in<gemma::ScoresOp>(5).getKeys());
  EXPECT_EQ(imported.in<gemma::MixOp>(9).getValues(), imported.in<gemma::MixOp>(4).getValues());
  EXPECT_EQ(imported.in<gemma::MaskOp>(6).getWindow(), 64);
  EXPECT_FALSE(imported.in<gemma::MaskOp>(9).getWindow());
}

TEST_F(ExampleImport, OpsKnowWhereTheyStand) {
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  auto place = mlir::dyn_cast<mlir::NameLoc>(imported.in<gemma::SoftmaxOp>(3)->getLoc());
  ASSERT_TRUE(place);
  EXPECT_EQ(place.getName(), "layer3.attention");
  EXPECT_FALSE(imported.all<gemma::EmbedOp>()[0]->hasAttr("gemma.layer"));
}

TEST_F(ExampleImport, KeysOfSharedLayersMayBePresentInAnyShape) {
  weights.add("model.layers.6.self_attn.k_proj.weight", {1});
  weights.add("model.layers.9.self_attn.v_proj.weight", {2, 2});
  weights.add("model.layers.9.self_attn.k_norm.weight", {64});
  weights.add("lm_head.weight", {2048, 128});
  Imported imported(example.config, weights);
  EXPECT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(imported.remarks.empty());
}

/// Puts a tensor of so many rows in the place of some of a layer.
void fuse(BentWeights &weights, const std::string &prefix, std::initializer_list<const char *> parts,
          const std::string &fused, std::vector<int64_t> shape) {
  for (const char *part : parts)
    weights.tensors.erase(prefix + part);
  weights.add(prefix + fused, std::move(shape));
}

TEST_F(ExampleImport, FusedTensorsGiveRows) {
  fuse(weights, "model.layers.4.",
       {"self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"},
       "self_attn.qkv_proj.weight", {256 + 2 * 64, 128});
  fuse(weights, "model.layers.6.", {"mlp.gate_proj.weight", "mlp.up_proj.weight"}, "mlp.gate_up_proj.weight",
       {2 * 768, 128});
  // A layer that shares keys has queries alone.
  fuse(weights, "model.layers.7.", {"self_attn.q_proj.weight"}, "self_attn.qkv_proj.weight", {128, 128});
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  auto expectRows = [&](const char *symbol, const std::string &tensor, int64_t begin, int64_t end) {
    auto weight = imported.module->lookupSymbol<gemma::WeightOp>(symbol);
    ASSERT_TRUE(weight) << symbol;
    llvm::SmallVector<TensorRange> sources = readSources(weight.getSources());
    ASSERT_EQ(sources.size(), 1u) << symbol;
    EXPECT_EQ(sources[0].tensor, "model.layers." + tensor);
    ASSERT_TRUE(sources[0].rows && !sources[0].columns) << symbol;
    EXPECT_EQ(sources[0].rows->begin, begin) << symbol;
    EXPECT_EQ(sources[0].rows->end, end) << symbol;
  };
  expectRows("layer4.query", "4.self_attn.qkv_proj.weight", 0, 256);
  expectRows("layer4.key", "4.self_attn.qkv_proj.weight", 256, 320);
  expectRows("layer4.value", "4.self_attn.qkv_proj.weight", 320, 384);
  expectRows("layer6.gate", "6.mlp.gate_up_proj.weight", 0, 768);
  expectRows("layer6.up", "6.mlp.gate_up_proj.weight", 768, 1536);
  expectRows("layer7.query", "7.self_attn.qkv_proj.weight", 0, 128);
}

TEST_F(ExampleImport, RefusesFusedTensorsOfOtherShapes) {
  fuse(weights, "model.layers.4.",
       {"self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"},
       "self_attn.qkv_proj.weight", {256 + 64, 128});
  EXPECT_EQ(errorOfImport(),
            "bent.safetensors: tensor 'model.layers.4.self_attn.qkv_proj.weight' has shape [320, 128], "
            "but [384, 128] is needed");
}

// Its parts are read; a fused tensor beside them has no place.
TEST_F(ExampleImport, RefusesAFusedTensorBesideItsParts) {
  weights.add("model.layers.6.mlp.gate_up_proj.weight", {2 * 768, 128});
  EXPECT_SAYS(errorOfImport(), "tensor 'model.layers.6.mlp.gate_up_proj.weight' has no place in the model");
}

TEST_F(ExampleImport, AnUntiedHeadHasItsOwnMatrix) {
  example.config.tiedHead = false;
  EXPECT_SAYS(errorOfImport(), "has no tensor 'lm_head.weight' of shape [2048, 128]");
  weights.add("lm_head.weight", {2048, 128});
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.shapeOf("head"), (std::vector<int64_t>{2048, 128}));
}

TEST_F(ExampleImport, TowersAreLeftOutAndSaidOnce) {
  const char *const kTowers[] = {"vision_tower",    "audio_tower",    "embed_vision",         "embed_audio",
                                 "vision_embedder", "audio_embedder", "multi_modal_projector"};
  for (const char *tower : kTowers)
    for (const char *prefix : {"", "model."})
      weights.add(std::string(prefix) + tower + ".projection.weight", {1});
  Imported imported(example.config, weights);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.remarks,
            (std::vector<std::string>{"14 tensors of vision and audio towers are left out"}));
}

TEST_F(ExampleImport, EverySpellingOfThePrefix) {
  for (const char *prefix : {"model.language_model.", "language_model.model.", "language_model.", ""}) {
    BentWeights renamed(weights);
    renamed.tensors.clear();
    for (const auto &[name, tensor] : weights.tensors)
      renamed.tensors[prefix + name.substr(std::string("model.").size())] = tensor;
    Imported imported(example.config, renamed);
    EXPECT_TRUE(imported.module) << imported.error();
  }
}

TEST_F(ExampleImport, RefusesAMissingTensor) {
  weights.tensors.erase("model.layers.7.mlp.up_proj.weight");
  std::string error = errorOfImport();
  EXPECT_SAYS(error, "the checkpoint has no tensor 'model.layers.7.mlp.up_proj.weight' of shape [768, 128]");
  EXPECT_SAYS(error, "config.json");
}

TEST_F(ExampleImport, RefusesAnotherShape) {
  weights.tensors["model.layers.4.self_attn.q_proj.weight"].shape = {128, 256};
  EXPECT_EQ(errorOfImport(),
            "bent.safetensors: tensor 'model.layers.4.self_attn.q_proj.weight' has shape [128, 256], "
            "but [256, 128] is needed");
}

TEST_F(ExampleImport, SaysWhichTableIsShortOrLong) {
  weights.tensors["model.embed_tokens_per_layer.weight"].shape = {2040, 320};
  EXPECT_SAYS(errorOfImport(),
              "'model.embed_tokens_per_layer.weight' has shape [2040, 320], but [2048, 320] is "
              "needed: it is 8 rows too short for the vocabulary of 2048 tokens in ");
  weights.tensors["model.embed_tokens.weight"].shape = {2049, 128};
  EXPECT_SAYS(errorOfImport(), ": it is 1 rows too long for the vocabulary of 2048 tokens in ");
}

TEST_F(ExampleImport, RefusesNumbersThatItCannotRead) {
  weights.tensors["model.norm.weight"].scheme = "i64";
  std::string error = errorOfImport();
  EXPECT_SAYS(error, "tensor 'model.norm.weight' stores numbers as 'i64', which this compiler cannot read");
  EXPECT_SAYS(error, "it reads f32, bf16, f16, ");
  EXPECT_SAYS(error, ", q6_k, ");
}

TEST_F(ExampleImport, ReportsOnlyTheFirstProblem) {
  weights.tensors.erase("model.norm.weight");
  weights.tensors["model.embed_tokens.weight"].shape = {1, 1};
  EXPECT_SAYS(errorOfImport(), "'model.embed_tokens.weight'");
}

TEST_F(ExampleImport, RefusesTensorsWithoutAPlace) {
  weights.add("model.layers.10.mlp.up_proj.weight", {1});
  EXPECT_SAYS(errorOfImport(),
              "bent.safetensors: tensor 'model.layers.10.mlp.up_proj.weight' has no place in the model");
}

TEST_F(ExampleImport, RefusesACheckpointWithoutTables) {
  weights.tensors.clear();
  EXPECT_SAYS(errorOfImport(), "has no embedding table under any name");
}

TEST_F(ExampleImport, RefusesSizesThatDoNotFit) {
  EXPECT_SAYS(errorOfImport({.context = 2049}), "a context of 2049 positions was asked for");
  EXPECT_SAYS(errorOfImport({.context = -1}), "a context of -1 positions");
  EXPECT_SAYS(errorOfImport({.maxTokens = 0}), "at least one token, not 0");
}

struct Golden {
  const char *name;
  int64_t layers, owners, linears, norms;
  bool towers;
};

// Counted by hand from the equations. Linears: q, o, gate, up and down in each layer; k and v in owners of
// keys (no v where K = V, in two layers); head; for per-layer embeddings two in a layer and one beside; a
// router. Norms: four on the residual and that of the queries, one of keys and one of values (not in Gemma
// 3), the last; one in a layer and one beside for per-layer embeddings; four around experts.
const Golden kGolden[] = {
    {"tiny-e2b", 15, 10, 5 * 15 + 2 * 10 + 1 + 2 * 15 + 1, 5 * 15 + 2 * 10 + 1 + 15 + 1, true},
    {"tiny-e4b", 12, 6, 5 * 12 + 2 * 6 + 1 + 2 * 12 + 1, 5 * 12 + 2 * 6 + 1 + 12 + 1, false},
    {"tiny-26b-a4b", 12, 12, 5 * 12 + 12 + 10 + 1 + 12, 5 * 12 + 2 * 12 + 1 + 4 * 12, true},
    {"tiny-31b", 12, 12, 5 * 12 + 12 + 10 + 1, 5 * 12 + 2 * 12 + 1, true},
    {"tiny-12b-unified", 12, 12, 5 * 12 + 12 + 10 + 1, 5 * 12 + 2 * 12 + 1, true},
    {"tiny-gemma3", 12, 12, 5 * 12 + 2 * 12 + 1, 5 * 12 + 12 + 1, false},
};

class GoldenImport : public testing::TestWithParam<Golden> {
protected:
  Checkpoint checkpoint;

  void SetUp() override {
    std::string directory = std::string(GEMMAC_SHARED_DIR "/golden/") + GetParam().name;
    if (!std::filesystem::exists(directory))
      GTEST_SKIP() << directory << " is not here";
    checkpoint = open(directory);
  }
};

TEST_P(GoldenImport, HasTheOpsOfItsEquations) {
  const Golden &golden = GetParam();
  Imported imported(checkpoint.config, *checkpoint.weights, {.name = checkpoint.name, .context = 128});
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(int64_t(imported.all<gemma::LinearOp>().size()), golden.linears);
  EXPECT_EQ(int64_t(imported.all<gemma::RmsNormOp>().size()), golden.norms);
  EXPECT_EQ(int64_t(imported.all<gemma::RopeOp>().size()), golden.layers + golden.owners);
  for (size_t count : {imported.all<gemma::ScoresOp>().size(), imported.all<gemma::MaskOp>().size(),
                       imported.all<gemma::MixOp>().size()})
    EXPECT_EQ(int64_t(count), golden.layers);
  bool gemma3 = checkpoint.config.family == ModelFamily::gemma3;
  EXPECT_EQ(imported.all<gemma::SoftcapOp>().size(), gemma3 ? 0u : 1u);
  EXPECT_EQ(imported.all<gemma::ExpertsOp>().size(), checkpoint.config.experts ? 12u : 0u);
  EXPECT_EQ(imported.remarks.size(), golden.towers ? 1u : 0u);
  for (gemma::WeightOp weight : imported.all<gemma::WeightOp>())
    EXPECT_EQ(weight.getAddOne(), gemma3 && weight.getSymName().ends_with("norm"))
        << weight.getSymName().str();
}

INSTANTIATE_TEST_SUITE_P(, GoldenImport, testing::ValuesIn(kGolden), [](const auto &info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
} // namespace gemmac
