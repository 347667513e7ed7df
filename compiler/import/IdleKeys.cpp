//===- IdleKeys.cpp - keys of config.json that no result depends on -------------------------------------===//
// Most are attributes of transformers' PreTrainedConfig, which files hold when their writer stores all of
// them; the others were put there by tools for training and conversion.

#include "compiler/import/IdleKeys.h"
#include "llvm/ADT/STLExtras.h"

using llvm::StringRef;
using nlohmann::json;

namespace gemmac {
namespace {

const StringRef kNames[] = {
    // Tools, and where a file comes from.
    "_commit_hash", "auto_map", "base_model_name_or_path", "custom_pipelines", "language", "license",
    "model_name", "tokenizer_class", "transformers.js_config",
    // Training.
    "embedding_dropout", "gradient_checkpointing", "hidden_dropout", "router_aux_loss_coef",
    "router_jitter_noise", "router_z_loss_coef", "tf_legacy_loss", "use_gradient_checkpointing",
    // Labels of classes.
    "finetuning_task", "id2label", "label2id", "num_labels", "problem_type", "task_specific_params",
    // What a program puts out and how it computes.
    "chunk_size_feed_forward", "is_decoder", "output_attentions", "output_hidden_states", "output_logits",
    "output_router_logits", "output_scores", "remove_invalid_values", "return_dict",
    "return_dict_in_generate", "torchscript", "use_bfloat16", "use_return_dict",
    // Generation, which generation_config.json describes.
    "bad_words_ids", "begin_suppress_tokens", "decoder_start_token_id", "diversity_penalty", "do_sample",
    "early_stopping", "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty",
    "forced_bos_token_id", "forced_eos_token_id", "length_penalty", "max_length", "max_new_tokens",
    "min_length", "min_p", "model_max_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
    "num_return_sequences", "padding_side", "prefix", "repetition_penalty", "suppress_tokens", "temperature",
    "top_k", "top_p", "typical_p",
    // Tokens that a tokenizer knows.
    "cls_token_id", "mask_token_id", "sep_token_id", "unk_token_id"};

const StringRef kPrefixes[] = {"_attn_implementation",
                               "attn_implementation",
                               "_experts_implementation",
                               "experts_implementation",
                               "_flash_attn",
                               "_moe_implementation",
                               "moe_implementation",
                               "unsloth_",
                               "_unsloth"};

/// Types in which a tool computes; how weights are stored stands in their file.
constexpr StringRef kTypes = "_dtype";

/// Keys that say nothing with this value, and something with any other.
bool isNeutral(StringRef key, const json &value) {
  if (key == "is_encoder_decoder" || key == "add_cross_attention" || key == "tie_encoder_decoder")
    return value == false;
  if (key == "pruned_heads")
    return value.is_structured() && value.empty();
  return false;
}

} // namespace

bool isIdleKey(StringRef key, const json &value) {
  return value.is_null() || llvm::is_contained(kNames, key) || key.ends_with(kTypes) ||
         isNeutral(key, value) ||
         llvm::any_of(kPrefixes, [&](StringRef prefix) { return key.starts_with(prefix); });
}

} // namespace gemmac
