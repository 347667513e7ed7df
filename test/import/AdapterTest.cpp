//===- AdapterTest.cpp - LoRA adapters: what they change, and which are refused -------------------------===//

#include "compiler/import/Adapter.h"
#include "Folder.h"
#include "compiler/import/ImportModel.h"
#include "compiler/import/MergedWeights.h"
#include "mlir/IR/MLIRContext.h"

#include <cmath>

namespace gemmac {
namespace {

using nlohmann::json;

struct Tensor {
  std::string name;
  std::vector<int64_t> shape;
  std::vector<float> numbers; ///< empty: all are 0.5
};

const char *const kQuery = "base_model.model.model.layers.0.self_attn.q_proj";

/// A folder as PEFT writes it, of which tests change one thing.
struct AdapterFolder {
  Folder folder;
  json config = {
      {"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}, {"target_modules", {"q_proj", "k_proj"}}};
  std::vector<Tensor> tensors = {{kQuery + std::string(".lora_A.weight"), {2, 128}, {}},
                                 {kQuery + std::string(".lora_B.weight"), {128, 2}, {}}};

  std::string write() const {
    json header = json::object();
    std::string bytes;
    for (const Tensor &tensor : tensors) {
      size_t begin = bytes.size(), count = 1;
      for (int64_t size : tensor.shape)
        count *= size_t(size);
      std::vector<float> numbers = tensor.numbers.empty() ? std::vector<float>(count, 0.5f) : tensor.numbers;
      bytes.append(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float));
      header[tensor.name] = {
          {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, bytes.size()}}};
    }
    std::string text = header.dump();
    uint64_t length = text.size();
    folder.write("adapter_model.safetensors",
                 std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + text + bytes);
    folder.writeJson("adapter_config.json", config);
    return folder.string();
  }

  std::string error(const std::string &scale = "") const { return errorOf(Adapter::open(write() + scale)); }
};

struct Merged {
  Checkpoint checkpoint;
  MergeSummary summary;
  std::string error;

  explicit Merged(const std::vector<std::string> &requests) {
    auto opened = openCheckpoint(GEMMAC_EXAMPLES_DIR "/bard-e2b");
    if (!opened) {
      error = llvm::toString(opened.takeError());
      return;
    }
    checkpoint = std::move(*opened);
    if (auto merged = mergeAdapters(checkpoint, requests))
      summary = std::move(*merged);
    else
      error = llvm::toString(merged.takeError());
  }

  std::vector<float> row(const std::string &tensor, int64_t row) const {
    const SourceTensor &found = *checkpoint.weights->find(tensor);
    std::vector<float> numbers(size_t(found.shape.back()));
    readNumbers(found, row * found.shape.back(), numbers);
    return numbers;
  }
};

const char *const kQueryTensor = "model.layers.0.self_attn.q_proj.weight";

TEST(Adapter, ChangesItsRowsAndNoOther) {
  AdapterFolder adapter;
  adapter.tensors[1].numbers.assign(256, 0.0f);
  adapter.tensors[1].numbers[2 * 7 + 1] = 3; // B of row 7
  Merged plain({}), merged({adapter.write()});
  ASSERT_EQ(merged.error, "");
  EXPECT_EQ(merged.summary.adapters.at(0).matrices, 1);
  EXPECT_EQ(merged.row(kQueryTensor, 6), plain.row(kQueryTensor, 6));
  std::vector<float> before = plain.row(kQueryTensor, 7), after = merged.row(kQueryTensor, 7);
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(after[i], before[i] + 2.0f * 1.5f); // alpha / r = 2, B·A = 3 · 0.5
  EXPECT_EQ(merged.checkpoint.weights->find(kQueryTensor)->chosenScheme(), "bf16");
}

TEST(Adapter, ReadsAnyRangeOfNumbers) {
  AdapterFolder adapter;
  adapter.config["use_dora"] = true;
  adapter.tensors.push_back({kQuery + std::string(".lora_magnitude_vector"), {128}, {}});
  Merged merged({adapter.write()});
  ASSERT_EQ(merged.error, "");
  const SourceTensor &tensor = *merged.checkpoint.weights->find(kQueryTensor);
  std::vector<float> whole(size_t(tensor.numbers())), part(300);
  readNumbers(tensor, 0, whole);
  double squares = 0;
  for (size_t i = 0; i < 128; ++i)
    squares += double(whole[i]) * whole[i];
  EXPECT_NEAR(std::sqrt(squares), 0.5, 1e-6); // the magnitude
  for (int64_t first : {0, 1, 100, 128, 1000}) {
    readNumbers(tensor, first, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first)) << first;
  }
}

TEST(Adapter, ScalesAndAddsUp) {
  AdapterFolder adapter;
  std::string folder = adapter.write();
  Merged plain({}), once({folder}), parts({folder + ":0.25", folder + ":0.75"}), never({folder + ":0"});
  ASSERT_EQ(parts.error, "");
  std::vector<float> one = once.row(kQueryTensor, 3), sum = parts.row(kQueryTensor, 3);
  for (size_t i = 0; i < one.size(); ++i)
    EXPECT_NEAR(one[i], sum[i], 1e-6);
  EXPECT_EQ(never.row(kQueryTensor, 3), plain.row(kQueryTensor, 3));
  EXPECT_NE(once.row(kQueryTensor, 3), plain.row(kQueryTensor, 3));
  EXPECT_NE(parts.summary.adapters[0].contents, parts.summary.adapters[1].contents);
}

TEST(Adapter, PatternsOfRankAndAlpha) {
  AdapterFolder adapter;
  adapter.config["rank_pattern"] = {{"k_proj", 9}, {"q_proj", 2}};
  adapter.config["r"] = 77;
  adapter.write();
  // The first that matches counts, in the order of the file.
  std::string text = adapter.config.dump();
  text.pop_back();
  adapter.folder.write(
      "adapter_config.json",
      text + R"x(,"alpha_pattern":{"layers\\.\\d+?\\.(?:mlp|x)":1,"self_attn\\.[qk]_proj":6,"q_proj":8}})x");
  auto opened = Adapter::open(adapter.folder.string());
  ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
  EXPECT_EQ(opened->modules.at(0).scaling, 3.0);
  adapter.config["use_rslora"] = true;
  auto rooted = Adapter::open(adapter.write());
  ASSERT_TRUE(bool(rooted));
  EXPECT_DOUBLE_EQ(rooted->modules.at(0).scaling, 4 / std::sqrt(2.0));
  adapter.config["rank_pattern"]["q_proj"] = 3;
  EXPECT_SAYS(adapter.error(),
              "gives module 'model.layers.0.self_attn.q_proj' rank 3, but its tensors have rank 2");
}

TEST(Adapter, NamesHaveAnyPrefix) {
  for (const char *prefix : {"base_model.model.model.language_model.", "base_model.model.model.",
                             "base_model.model.language_model.model.", "base_model.model.", "model.", ""}) {
    AdapterFolder adapter;
    for (Tensor &tensor : adapter.tensors)
      tensor.name = prefix + tensor.name.substr(std::strlen("base_model.model.model."));
    adapter.tensors.push_back({"base_model.model.model.vision_tower.a.lora_A.weight", {1, 1}, {}});
    Merged merged({adapter.write()});
    EXPECT_EQ(merged.error, "") << prefix;
    EXPECT_EQ(merged.summary.adapters.at(0).unused, 1);
  }
}

TEST(Adapter, AHeadThatIsTrainedAloneGetsATable) {
  AdapterFolder adapter;
  adapter.config["target_modules"] = "all-linear";
  adapter.tensors[0] = {"base_model.model.lm_head.lora_A.weight", {2, 128}, {}};
  adapter.tensors[1] = {"base_model.model.lm_head.lora_B.weight", {2048, 2}, {}};
  Merged merged({adapter.write()});
  ASSERT_EQ(merged.error, "");
  EXPECT_FALSE(merged.checkpoint.config.tiedHead);
  std::vector<float> embedding = merged.row("model.embed_tokens.weight", 5),
                     head = merged.row("lm_head.weight", 5);
  EXPECT_EQ(head[3], embedding[3] + 1.0f); // alpha / r · 2 · 0.25
  mlir::MLIRContext context;
  EXPECT_TRUE(succeeded(importModel(context, merged.checkpoint.config, *merged.checkpoint.weights, {})));
}

TEST(Adapter, AnEmbeddingThatIsTrainedAloneLeavesTheHead) {
  AdapterFolder adapter;
  adapter.config["target_modules"] = {"embed_tokens"};
  adapter.tensors[0] = {"base_model.model.model.embed_tokens.lora_embedding_A", {2, 2048}, {}};
  adapter.tensors[0].numbers.assign(4096, 0.0f);
  adapter.tensors[0].numbers[2048 + 5] = 2;
  adapter.tensors[1] = {"base_model.model.model.embed_tokens.lora_embedding_B", {128, 2}, {}};
  adapter.tensors[1].numbers.assign(256, 0.0f);
  adapter.tensors[1].numbers[2 * 9 + 1] = 0.5f;
  Merged plain({}), merged({adapter.write()});
  ASSERT_EQ(merged.error, "");
  std::vector<float> before = plain.row("model.embed_tokens.weight", 5);
  EXPECT_EQ(merged.row("lm_head.weight", 5), before);
  before[9] += 2.0f;
  EXPECT_EQ(merged.row("model.embed_tokens.weight", 5), before);
}

TEST(Adapter, SavedEmbeddingsStayTiedWhereTheyWereTrainedSo) {
  AdapterFolder adapter;
  adapter.config["ensure_weight_tying"] = true;
  adapter.config["modules_to_save"] = {"embed_tokens"};
  adapter.tensors = {{"base_model.model.model.embed_tokens.modules_to_save.weight", {2048, 128}, {}}};
  Merged merged({adapter.write()});
  ASSERT_EQ(merged.error, "");
  EXPECT_TRUE(merged.checkpoint.config.tiedHead);
  EXPECT_EQ(merged.row("model.embed_tokens.weight", 5)[0], 0.5f);
  EXPECT_SAYS(adapter.error(":2"),
              "'model.embed_tokens.weight' whole ('modules_to_save'), which cannot be scaled");
}

TEST(Adapter, RefusesWhatDoesNotFitTheModel) {
  AdapterFolder wide;
  wide.tensors[0].shape = {2, 64};
  EXPECT_SAYS(
      Merged({wide.write()}).error,
      "changes module 'model.layers.0.self_attn.q_proj' of shape [128, 64], but model.safetensors has");
  AdapterFolder deep;
  for (Tensor &tensor : deep.tensors)
    tensor.name.replace(tensor.name.find("layers.0"), 8, "layers.90");
  EXPECT_SAYS(Merged({deep.write()}).error, "which the model of");
  AdapterFolder saved;
  saved.tensors = {{"base_model.model.model.norm.weight", {64}, {}}};
  EXPECT_SAYS(Merged({saved.write()}).error, "brings 'model.norm.weight' whole, of shape [64], but");
}

struct Bad {
  const char *name;
  void (*change)(AdapterFolder &);
  const char *message;
};

const Bad kBad[] = {
    {"Kind", [](AdapterFolder &a) { a.config["peft_type"] = "LOHA"; },
     "'peft_type' is 'LOHA'; only LORA is merged, also as rsLoRA and DoRA"},
    {"NoKind", [](AdapterFolder &a) { a.config.erase("peft_type"); }, "'peft_type' is missing"},
    {"Mlx",
     [](AdapterFolder &a) { a.config = {{"fine_tune_type", "lora"}, {"lora_parameters", json::object()}}; },
     "belongs to an adapter of MLX"},
    {"Experts", [](AdapterFolder &a) { a.config["target_parameters"] = {"experts.down_proj"}; },
     "'target_parameters' makes this an adapter for parameters instead of modules"},
    {"Pissa", [](AdapterFolder &a) { a.config["init_lora_weights"] = "pissa"; },
     "'init_lora_weights' is 'pissa', which changes the model before training"},
    {"UnknownKey", [](AdapterFolder &a) { a.config["use_magic"] = true; }, "'use_magic' is not a key"},
    {"Pattern", [](AdapterFolder &a) { a.config["alpha_pattern"] = {{"(?=q)_proj", 1}}; },
     "is a regular expression that cannot be evaluated here"},
    {"OpenPattern", [](AdapterFolder &a) { a.config["rank_pattern"] = {{"(q_proj", 1}}; },
     "is a regular expression that cannot be evaluated here"},
    {"NoPartner", [](AdapterFolder &a) { a.tensors.pop_back(); }, "has no lora_B"},
    {"Ranks", [](AdapterFolder &a) { a.tensors[1].shape = {128, 3}; }, "has rank 2 in A, but 3 in B"},
    {"Axes", [](AdapterFolder &a) { a.tensors[1].shape = {128, 2, 1}; }, "has 3 axes, not two"},
    {"NoTensors", [](AdapterFolder &a) { a.tensors.clear(); }, "holds no tensors"},
    {"Towers",
     [](AdapterFolder &a) {
       a.tensors = {{"base_model.model.model.vision_tower.x.lora_A.weight", {1, 1}, {}}};
     },
     "changes only vision and audio towers"},
    {"Foreign", [](AdapterFolder &a) { a.tensors[0].name = "base_model.model.model.layers.0.hada_w1_a"; },
     "tensor 'base_model.model.model.layers.0.hada_w1_a' is neither of LoRA nor a weight"},
    {"Bias", [](AdapterFolder &a) { a.tensors[0].name = kQuery + std::string(".lora_B.bias"); }, "is a bias"},
    {"Target", [](AdapterFolder &a) { a.config["target_modules"] = {"o_proj"}; }, "does not name"},
    {"NoMagnitude", [](AdapterFolder &a) { a.config["use_dora"] = true; }, "has no lora_magnitude_vector"},
    {"Magnitude",
     [](AdapterFolder &a) {
       a.tensors.push_back({kQuery + std::string(".lora_magnitude_vector"), {128}, {}});
     },
     "but 'use_dora' is false"},
    {"Magnitudes",
     [](AdapterFolder &a) {
       a.config["use_dora"] = true;
       a.tensors.push_back({kQuery + std::string(".lora_magnitude_vector"), {127}, {}});
     },
     "has 127 numbers for 128 rows"},
};

class BadAdapter : public testing::TestWithParam<Bad> {};

TEST_P(BadAdapter, IsRefused) {
  AdapterFolder adapter;
  GetParam().change(adapter);
  EXPECT_SAYS(adapter.error(), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(, BadAdapter, testing::ValuesIn(kBad),
                         [](const auto &info) { return info.param.name; });

TEST(Adapter, FoldersThatAreNone) {
  AdapterFolder adapter;
  EXPECT_SAYS(adapter.error(":much"), "'much' behind the colon is no number");
  EXPECT_SAYS(adapter.error(":nan"), "'nan' behind the colon is no number");
  EXPECT_SAYS(errorOf(Adapter::open("/nowhere/adapter")), "is no directory");
  EXPECT_SAYS(errorOf(Adapter::open(GEMMAC_EXAMPLES_DIR "/bard-e2b")), "is a model, not an adapter");
  std::filesystem::rename(adapter.folder.string() + "/adapter_model.safetensors",
                          adapter.folder.string() + "/adapter_model.bin");
  EXPECT_SAYS(errorOf(Adapter::open(adapter.folder.string())), "holds adapter_model.bin, but");
}

TEST(Adapter, InPlaceOfAModelIsCalledOne) {
  AdapterFolder adapter;
  adapter.config["base_model_name_or_path"] = "google/gemma-4-E2B-it";
  EXPECT_SAYS(errorOf(openCheckpoint(adapter.write())),
              "is an adapter of 'google/gemma-4-E2B-it', not a model; give its model, and this with --lora");
}

} // namespace
} // namespace gemmac
