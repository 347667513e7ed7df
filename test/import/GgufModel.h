//===- GgufModel.h - small models that a test writes into GGUF files ------------------------------------===//

#ifndef GEMMAC_TEST_IMPORT_GGUFMODEL_H
#define GEMMAC_TEST_IMPORT_GGUFMODEL_H

#include "Folder.h"
#include "GgufBytes.h"
#include "compiler/import/GgufConfig.h"
#include "compiler/import/GgufGeneration.h"
#include "llvm/ADT/STLExtras.h"
#include <functional>

namespace gemmac {

using Words = std::vector<std::string>;

/// The metadata of a small model, key by key, and the tensors that say more of it.
struct Model {
  std::map<std::string, std::function<void(GgufBytes &, const std::string &)>> keys;
  std::map<std::string, std::vector<uint64_t>> shapes; ///< as files list them, the fastest axis first
  std::vector<float> divisors;                         ///< of rope_freqs.weight

  Model &is(const std::string &key, uint32_t value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::u32, value); };
    return *this;
  }
  Model &is(const std::string &key, int32_t value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::i32, value); };
    return *this;
  }
  Model &is(const std::string &key, float value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, Type::f32, value); };
    return *this;
  }
  Model &is(const std::string &key, bool value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) {
      bytes.key(name, Type::boolean, uint8_t(value));
    };
    return *this;
  }
  Model &is(const std::string &key, const char *value) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.key(name, std::string_view(value)); };
    return *this;
  }
  Model &is(const std::string &key, const std::vector<int32_t> &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, Type::i32, values); };
    return *this;
  }
  Model &flags(const std::string &key, const std::vector<uint8_t> &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, Type::boolean, values); };
    return *this;
  }
  Model &is(const std::string &key, const Words &values) {
    keys[key] = [=](GgufBytes &bytes, const std::string &name) { bytes.list(name, values); };
    return *this;
  }
  Model &without(const std::string &key) {
    keys.erase(key);
    shapes.erase(key);
    return *this;
  }

  std::string bytes() const {
    GgufBytes bytes;
    for (const auto &[name, write] : keys)
      write(bytes, name);
    for (const auto &[name, shape] : shapes) {
      uint64_t numbers = 1;
      for (uint64_t size : shape)
        numbers *= size;
      bytes.tensor(name, shape, kF32, zeros(numbers * 4));
    }
    if (!divisors.empty())
      bytes.tensor("rope_freqs.weight", {divisors.size()}, kF32,
                   std::string(reinterpret_cast<const char *>(divisors.data()), divisors.size() * 4));
    return bytes.bytes();
  }
};

/// Seven layers of Gemma 3 as released files describe them.
inline Model gemma3() {
  Model model;
  model.is("general.architecture", "gemma3")
      .is("gemma3.block_count", 7u)
      .is("gemma3.embedding_length", 32u)
      .is("gemma3.context_length", 1024u)
      .is("gemma3.feed_forward_length", 64u)
      .is("gemma3.attention.head_count", 4u)
      .is("gemma3.attention.head_count_kv", 2u)
      .is("gemma3.attention.key_length", 16u)
      .is("gemma3.attention.value_length", 16u)
      .is("gemma3.attention.sliding_window", 8u)
      .is("gemma3.attention.layer_norm_rms_epsilon", 1e-6f)
      .is("gemma3.rope.freq_base", 1e6f)
      .is("tokenizer.ggml.bos_token_id", 2u)
      .is("tokenizer.ggml.eos_token_id", 1u);
  model.shapes["token_embd.weight"] = {32, 10};
  return model;
}

/// Six layers of Gemma 4 with everything that makes layers differ: the last two read keys of others.
inline Model gemma4() {
  Model model;
  model.is("general.architecture", "gemma4")
      .is("gemma4.block_count", 6u)
      .is("gemma4.embedding_length", 32u)
      .is("gemma4.context_length", 1024u)
      .is("gemma4.feed_forward_length", std::vector<int32_t>{64, 64, 64, 64, 128, 128})
      .is("gemma4.attention.head_count", 4u)
      .is("gemma4.attention.head_count_kv", std::vector<int32_t>{2, 2, 1, 2, 2, 1})
      .is("gemma4.attention.key_length", 16u)
      .is("gemma4.attention.value_length", 16u)
      .is("gemma4.attention.key_length_swa", 8u)
      .is("gemma4.attention.value_length_swa", 8u)
      .is("gemma4.rope.dimension_count", 16u)
      .is("gemma4.rope.dimension_count_swa", 8u)
      .is("gemma4.attention.sliding_window", 8u)
      .flags("gemma4.attention.sliding_window_pattern", {1, 1, 0, 1, 1, 0})
      .is("gemma4.attention.shared_kv_layers", 2u)
      .is("gemma4.attention.layer_norm_rms_epsilon", 1e-6f)
      .is("gemma4.rope.freq_base", 1e6f)
      .is("gemma4.rope.freq_base_swa", 1e4f)
      .is("gemma4.final_logit_softcapping", 30.0f)
      .is("gemma4.embedding_length_per_layer_input", 4u)
      .is("gemma4.expert_count", 8u)
      .is("gemma4.expert_used_count", 2u)
      .is("gemma4.expert_feed_forward_length", 12u);
  model.shapes = {{"token_embd.weight", {32, 10}},           {"per_layer_token_embd.weight", {24, 11}},
                  {"blk.0.attn_v.weight", {32, 16}},         {"blk.1.attn_v.weight", {32, 16}},
                  {"blk.3.attn_v.weight", {32, 16}},         {"blk.4.attn_v.weight", {32, 16}},
                  {"blk.0.ffn_down_exps.weight", {6, 32, 8}}};
  model.divisors = {1, 1, 1e30f, 1e30f, 1e30f, 1e30f, 1e30f, 1e30f};
  return model;
}

class GgufConfig : public testing::Test {
protected:
  Folder folder;
  std::unique_ptr<GgufFile> file;

  const GgufFile &open(const Model &model) {
    folder.write("model.gguf", model.bytes());
    file = llvm::cantFail(GgufFile::open(folder.string() + "/model.gguf"));
    return *file;
  }
  ModelConfig read(const Model &model) {
    llvm::Expected<ModelConfig> config = readGgufConfig(open(model));
    if (config)
      return std::move(*config);
    ADD_FAILURE() << llvm::toString(config.takeError());
    return {};
  }
  GenerationConfig generation(const Model &model) {
    ModelConfig config = read(model);
    llvm::Expected<GenerationConfig> generation = readGgufGeneration(*file, config);
    if (generation)
      return std::move(*generation);
    ADD_FAILURE() << llvm::toString(generation.takeError());
    return {};
  }
  void expectRefused(const Model &model, const std::string &message) {
    std::string error = errorOf(readGgufConfig(open(model)));
    EXPECT_SAYS(error, "model.gguf: ");
    EXPECT_SAYS(error, message);
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
};

} // namespace gemmac

#endif
