#!/usr/bin/env python3
"""Schemes with blocks of 256, alone and mixed, against the interpreter on the same stored numbers.

    kquants.py CHECKPOINT

The matrices of small models have rows too short for such blocks. So models are made up, with the tokenizer of CHECKPOINT: random weights and rows of 256. A plain one is compiled in
single schemes; its embedding is the head too. A whole one has all five kinds of weights that a mix tells apart, and matrices with rows of 128, which blocks of 32 must hold. It is
compiled in a mix, and from a GGUF file whose blocks must be kept bit for bit.
"""
import json
import os
import shutil
import sys
import tempfile

import numpy as np

import doors
import gguf_file
import quantized

HIDDEN, WIDTH, LAYERS, HEADS, HEAD, PER_LAYER, EXPERTS = 256, 256, 2, 4, 64, 128, 4
CACHE = "f16"
TOKENS = 72
MIX = {"layers": "q5_k", "experts": "q3_k", "embedding": "q4_k", "per_layer": "iq4_xs", "head": "q6_k"}
IN_SMALL_BLOCKS = {"q2_k": "q4_0", "q3_k": "q4_0", "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0", "iq4_xs": "iq4_nl"}
# As in files of Q4_K_M some matrices of a stack have more bits than their neighbours.
FILE = {"attn_v.weight": "q6_k", "ffn_gate.weight": "q3_k", "ffn_up.weight": "iq4_xs", "ffn_down.weight": "q6_k", "ffn_down_exps.weight": "q5_k",
        "token_embd.weight": "q2_k", "output.weight": "q6_k", "proj.weight": "q5_0"}


def shapes(vocabulary, whole):
    """Tensors of a text model; if it is whole, with a head, embeddings for each layer, and experts."""
    model = {"embed_tokens.weight": (vocabulary, HIDDEN), "norm.weight": (HIDDEN,)}
    layer = {
        "input_layernorm.weight": (HIDDEN,), "post_attention_layernorm.weight": (HIDDEN,), "pre_feedforward_layernorm.weight": (HIDDEN,),
        "post_feedforward_layernorm.weight": (HIDDEN,), "layer_scalar": (1,),
        "self_attn.q_proj.weight": (HEADS * HEAD, HIDDEN), "self_attn.k_proj.weight": (HEAD, HIDDEN), "self_attn.v_proj.weight": (HEAD, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, HEADS * HEAD), "self_attn.q_norm.weight": (HEAD,), "self_attn.k_norm.weight": (HEAD,),
        "mlp.gate_proj.weight": (WIDTH, HIDDEN), "mlp.up_proj.weight": (WIDTH, HIDDEN), "mlp.down_proj.weight": (HIDDEN, WIDTH),
    }
    if whole:
        model |= {
            "lm_head.weight": (vocabulary, HIDDEN), "embed_tokens_per_layer.weight": (vocabulary, LAYERS * PER_LAYER),
            "per_layer_model_projection.weight": (LAYERS * PER_LAYER, HIDDEN), "per_layer_projection_norm.weight": (PER_LAYER,),
        }
        layer |= {
            "per_layer_input_gate.weight": (PER_LAYER, HIDDEN), "per_layer_projection.weight": (HIDDEN, PER_LAYER), "post_per_layer_input_norm.weight": (HIDDEN,),
            "router.proj.weight": (EXPERTS, HIDDEN), "router.scale": (HIDDEN,), "router.per_expert_scale": (EXPERTS,),
            "experts.gate_up_proj": (EXPERTS, 2 * WIDTH, HIDDEN), "experts.down_proj": (EXPERTS, HIDDEN, WIDTH),
            "pre_feedforward_layernorm_2.weight": (HIDDEN,), "post_feedforward_layernorm_1.weight": (HIDDEN,), "post_feedforward_layernorm_2.weight": (HIDDEN,),
        }
    return model | {f"layers.{i}.{name}": shape for i in range(LAYERS) for name, shape in layer.items()}


def make_model(like, folder, whole):
    """A checkpoint with the tokenizer and the vocabulary of another, and seeded random numbers."""
    os.makedirs(folder)
    for name in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(like, name), folder)
    config = gguf_file.text_config(like)
    config.pop("per_layer_config", None)
    config |= {
        "hidden_size": HIDDEN, "intermediate_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 1,
        "head_dim": HEAD, "global_head_dim": HEAD, "hidden_size_per_layer_input": PER_LAYER if whole else 0, "num_kv_shared_layers": 0, "use_double_wide_mlp": False,
        "enable_moe_block": whole, "num_experts": EXPERTS, "top_k_experts": 2, "moe_intermediate_size": WIDTH, "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"], "tie_word_embeddings": not whole,
    }
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    random = np.random.default_rng(1)
    header, tensors, offset = {}, [], 0
    for name, shape in shapes(config["vocab_size"], whole).items():
        noise = random.standard_normal(shape)
        tensors.append((noise / np.sqrt(shape[-1]) if len(shape) > 1 else 1 + 0.1 * noise).astype(np.float32).tobytes())
        header[name if name.startswith("lm_head") else "model." + name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(tensors[-1])]}
        offset += len(tensors[-1])
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(tensors))


def compiled(checkpoint, folder, *options):
    doors.call("gemmac", "compile", checkpoint, "--target", "host", "--context", 128, "--max-tokens", 64, "--cache-scheme", CACHE, *options, "-o", folder)
    with open(os.path.join(folder, "manifest.json")) as file:
        return [tensor for tensor in json.load(file)["tensors"] if len(tensor["shape"]) > 1 and "router" not in tensor["name"]]


def kind_of(source):
    if "experts." in source:
        return "experts"
    return next((kind for end, kind in [("embed_tokens_per_layer.weight", "per_layer"), ("embed_tokens.weight", "embedding"), ("lm_head.weight", "head")] if source.endswith(end)), "layers")


def check(schemes, scheme, checkpoint, folder, ids):
    """Every matrix is stored as the scheme of its kind says, and the program computes what the interpreter does."""
    print(f"---- {scheme}", flush=True)
    for tensor in compiled(checkpoint, folder, "--scheme", scheme):
        wanted = {schemes[kind_of(source)] for source in tensor["sources"]}
        if tensor["shape"][-1] % 256 != 0:
            wanted = {IN_SMALL_BLOCKS[one] for one in wanted}
        doors.expect({tensor["scheme"]} == wanted, f"{scheme}: {tensor['name']} is stored as {tensor['scheme']}, not {wanted}")
    got = compare(checkpoint, folder, scheme, ids)
    if "=" in scheme:
        expect_like_noise(checkpoint, scheme, ids, got)


def check_file(checkpoint, folder, ids):
    """A file's blocks are what the program has, each matrix in its own scheme."""
    def scheme_of(name):
        return next((scheme for end, scheme in FILE.items() if name == end or name.endswith("." + end)), "q4_k")

    print("---- file", flush=True)
    file = os.path.join(folder, "model.gguf")
    gguf_file.write_gguf(checkpoint, file, scheme_of)
    for tensor in compiled(file, os.path.join(folder, "file")):
        wanted = {scheme_of(source) for source in tensor["sources"]}
        doors.expect({tensor["scheme"]} == wanted, f"file: {tensor['name']} of {wanted} is stored as {tensor['scheme']}")
        doors.expect(tensor["relative_error"] == 0, f"file: {tensor['name']} of {wanted} lost {tensor['relative_error']:.1e}")
    expect_like_noise(file, "file", ids, compare(file, os.path.join(folder, "file"), "file", ids))


def compare(checkpoint, model, scheme, ids):
    got = quantized.expect_same_bits(model, ids, few=True)
    quantized.expect_best_tokens(model, ids)
    quantized.expect_exact_rows(checkpoint, model, ids, scheme, CACHE)
    return got


def expect_like_noise(checkpoint, scheme, ids, got):
    quantized.expect_like_noise(checkpoint, ids, scheme, CACHE, got, doors.reference(checkpoint, ids, scheme, CACHE))


def main():
    like = sys.argv[1]
    ids = doors.long_text(like)[:TOKENS]
    with tempfile.TemporaryDirectory() as folder:
        plain, whole = os.path.join(folder, "plain"), os.path.join(folder, "whole")
        make_model(like, plain, False)
        make_model(like, whole, True)
        for scheme in ("q4_k", "q6_k", "q2_k", "iq4_xs"):
            check(dict.fromkeys(MIX, scheme), scheme, plain, os.path.join(folder, scheme), ids)
        check(MIX, ",".join(f"{kind}={scheme}" for kind, scheme in MIX.items()), whole, os.path.join(folder, "mix"), ids)
        check_file(whole, folder, ids)
    doors.finish()


if __name__ == "__main__":
    main()
