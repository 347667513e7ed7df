//===- TensorNames.cpp - what checkpoints call the weights ----------------------------------------------===//

#include "compiler/import/TensorNames.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <cassert>

using llvm::StringRef;
using llvm::Twine;

namespace gemmac {
namespace {

struct Row {
  StringRef word;
  StringRef huggingFace;
  StringRef gguf;
};

const Row kModelNames[] = {
    {"embedding", "embed_tokens.weight", "token_embd.weight"},
    {"per_layer_embedding", "embed_tokens_per_layer.weight", "per_layer_token_embd.weight"},
    {"per_layer_projection", "per_layer_model_projection.weight", "per_layer_model_proj.weight"},
    {"per_layer_norm", "per_layer_projection_norm.weight", "per_layer_proj_norm.weight"},
    {"final_norm", "norm.weight", "output_norm.weight"},
    {"head", "lm_head.weight", "output.weight"},
    {"rope_divisors", "rotary_emb.inv_freq", "rope_freqs.weight"},
};

const Row kLayerNames[] = {
    {"attention_norm", "input_layernorm.weight", "attn_norm.weight"},
    {"query", "self_attn.q_proj.weight", "attn_q.weight"},
    {"key", "self_attn.k_proj.weight", "attn_k.weight"},
    {"value", "self_attn.v_proj.weight", "attn_v.weight"},
    {"qkv", "self_attn.qkv_proj.weight", "attn_qkv.weight"}, // the rows of the three above, in some files
    {"output", "self_attn.o_proj.weight", "attn_output.weight"},
    {"query_norm", "self_attn.q_norm.weight", "attn_q_norm.weight"},
    {"key_norm", "self_attn.k_norm.weight", "attn_k_norm.weight"},
    {"post_attention_norm", "post_attention_layernorm.weight", "post_attention_norm.weight"},
    {"feedforward_norm", "pre_feedforward_layernorm.weight", "ffn_norm.weight"},
    {"gate", "mlp.gate_proj.weight", "ffn_gate.weight"},
    {"up", "mlp.up_proj.weight", "ffn_up.weight"},
    {"gate_up", "mlp.gate_up_proj.weight", ""}, // the rows of both, in some files
    {"down", "mlp.down_proj.weight", "ffn_down.weight"},
    {"post_feedforward_norm", "post_feedforward_layernorm.weight", "post_ffw_norm.weight"},
    {"scalar", "layer_scalar", "layer_output_scale.weight"},
    {"per_layer_gate", "per_layer_input_gate.weight", "inp_gate.weight"},
    {"per_layer_projection", "per_layer_projection.weight", "proj.weight"},
    {"per_layer_norm", "post_per_layer_input_norm.weight", "post_norm.weight"},
    {"router", "router.proj.weight", "ffn_gate_inp.weight"},
    {"router_scale", "router.scale", "ffn_gate_inp.scale"},
    {"expert_scale", "router.per_expert_scale", "ffn_down_exps.scale"},
    {"expert_gate_up", "experts.gate_up_proj", "ffn_gate_up_exps.weight"},
    {"expert_gate", "", "ffn_gate_exps.weight"}, // halves of the row above, in older files
    {"expert_up", "", "ffn_up_exps.weight"},
    {"expert_down", "experts.down_proj", "ffn_down_exps.weight"},
    {"expert_norm", "pre_feedforward_layernorm_2.weight", "pre_ffw_norm_2.weight"},
    {"post_expert_norm", "post_feedforward_layernorm_2.weight", "post_ffw_norm_2.weight"},
    {"post_dense_norm", "post_feedforward_layernorm_1.weight", "post_ffw_norm_1.weight"},
};

/// Prefixes of the text model and of its head: Gemma 4 with towers, text only, Gemma 3 with towers before
/// transformers 4.52 and MLX; the text model saved without what is around it.
struct Prefixes {
  StringRef text;
  StringRef head;
};
const Prefixes kHuggingFacePrefixes[] = {{"model.language_model.", ""},
                                         {"model.", ""},
                                         {"language_model.model.", "language_model."},
                                         {"language_model.", ""},
                                         {"", ""}};

/// With or without `model.` before them.
const StringRef kTowerPrefixes[] = {
    "vision_tower.",    "audio_tower.",    "vision_model.",   "embed_vision.",  "embed_audio.",
    "vision_embedder.", "audio_embedder.", "vision_encoder.", "audio_encoder.", "multi_modal_projector."};
const StringRef kGgufTowerPrefixes[] = {"v.", "a.", "mm."};

StringRef lookUp(llvm::ArrayRef<Row> rows, StringRef word, bool gguf) {
  const Row *row = llvm::find_if(rows, [&](const Row &row) { return row.word == word; });
  assert(row != rows.end() && "every weight of the model has a row in the table");
  return gguf ? row->gguf : row->huggingFace;
}

} // namespace

std::optional<TensorNames> TensorNames::recognise(const WeightSource &weights) {
  for (const Prefixes &prefixes : kHuggingFacePrefixes)
    if (weights.find((prefixes.text + lookUp(kModelNames, "embedding", false)).str()))
      return TensorNames(Naming::huggingFace, prefixes.text.str(), prefixes.head.str());
  if (weights.find(lookUp(kModelNames, "embedding", true)))
    return TensorNames(Naming::gguf, "", "");
  return std::nullopt;
}

std::string TensorNames::of(StringRef word) const {
  return (Twine(word == "head" ? headPrefix : prefix) + lookUp(kModelNames, word, naming == Naming::gguf))
      .str();
}

std::string TensorNames::of(int64_t layer, StringRef word) const {
  bool gguf = naming == Naming::gguf;
  StringRef name = lookUp(kLayerNames, word, gguf);
  if (name.empty())
    return "";
  return (Twine(prefix) + (gguf ? "blk." : "layers.") + Twine(layer) + "." + name).str();
}

std::optional<TensorNames::Word> TensorNames::huggingFaceWord(StringRef name) {
  auto find = [](llvm::ArrayRef<Row> rows, StringRef name) {
    const Row *row = llvm::find_if(rows, [&](const Row &row) { return row.huggingFace == name; });
    return row == rows.end() || name.empty() ? StringRef() : row->word;
  };
  for (const Prefixes &prefixes : kHuggingFacePrefixes)
    if (name.consume_front(prefixes.text))
      break;
  name.consume_front("language_model."); // before the head
  std::optional<int64_t> layer;
  StringRef rest = name;
  if (int64_t index = 0;
      rest.consume_front("layers.") && !rest.consumeInteger(10, index) && rest.consume_front(".")) {
    layer = index;
    name = rest;
  }
  StringRef word = layer ? find(kLayerNames, name) : find(kModelNames, name);
  return word.empty() ? std::nullopt : std::optional(Word{layer, word});
}

bool TensorNames::isHuggingFaceTower(StringRef name) {
  name.consume_front("model.");
  return llvm::any_of(kTowerPrefixes, [&](StringRef prefix) { return name.starts_with(prefix); });
}

bool TensorNames::isTower(StringRef name) const {
  if (naming != Naming::gguf)
    return isHuggingFaceTower(name);
  return llvm::any_of(kGgufTowerPrefixes, [&](StringRef prefix) { return name.starts_with(prefix); });
}

bool TensorNames::isTable(StringRef name) const {
  return name == of("embedding") || name == of("per_layer_embedding") || isHead(name);
}

bool TensorNames::isHead(StringRef name) const {
  return name == of("head");
}

bool TensorNames::isKeyOrValue(StringRef name, int64_t layer) const {
  return name == of(layer, "key") || name == of(layer, "value") || name == of(layer, "key_norm");
}

bool TensorNames::isDerived(StringRef name) const {
  // Hugging Face files have one in each layer.
  return name == of("rope_divisors") || name.ends_with(".rotary_emb.inv_freq");
}

size_t countTowerTensors(const WeightSource &weights) {
  std::optional<TensorNames> names = TensorNames::recognise(weights);
  return names
             ? llvm::count_if(weights.names(), [&](const std::string &name) { return names->isTower(name); })
             : 0;
}

} // namespace gemmac
