"""A Hugging Face checkpoint as a GGUF file, in the spelling of llama.cpp, and the blocks of its quantizer.

Names and keys are those of the specification of the family, sections 8.1 and 8.2. Text tensors only.
"""
import json
import os
import re
import struct

import numpy as np

import doors

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q5_0": 6, "q8_0": 8, "q2_k": 10, "q3_k": 11, "q4_k": 12, "q5_k": 13, "q6_k": 14, "iq4_xs": 23, "bf16": 30}

MODEL_NAMES = {
    "embed_tokens.weight": "token_embd.weight",
    "embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
    "per_layer_model_projection.weight": "per_layer_model_proj.weight",
    "per_layer_projection_norm.weight": "per_layer_proj_norm.weight",
    "norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
LAYER_NAMES = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.qkv_proj.weight": "attn_qkv.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight",
    "post_attention_layernorm.weight": "post_attention_norm.weight",
    "pre_feedforward_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
    "layer_scalar": "layer_output_scale.weight",
    "per_layer_input_gate.weight": "inp_gate.weight",
    "per_layer_projection.weight": "proj.weight",
    "post_per_layer_input_norm.weight": "post_norm.weight",
    "router.proj.weight": "ffn_gate_inp.weight",
    "router.scale": "ffn_gate_inp.scale",
    "router.per_expert_scale": "ffn_down_exps.scale",
    "experts.gate_up_proj": "ffn_gate_up_exps.weight",
    "experts.down_proj": "ffn_down_exps.weight",
    "pre_feedforward_layernorm_2.weight": "pre_ffw_norm_2.weight",
    "post_feedforward_layernorm_1.weight": "post_ffw_norm_1.weight",
    "post_feedforward_layernorm_2.weight": "post_ffw_norm_2.weight",
}


# ---- Blocks of 32, as llama.cpp's reference quantizer makes them; and what they hold

def q8_0(rows):
    blocks = rows.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    numbers = np.rint(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale != 0))
    return np.concatenate([scale.astype(np.float16).view(np.uint8), numbers.astype(np.int8).view(np.uint8)], axis=1)


def largest_of(blocks):
    return np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)


def steps(blocks, scale, middle, most):
    """Numbers of a block counted in its scale, from 0 to `most`."""
    counted = np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale != 0)
    return np.clip(np.floor(counted + np.float32(middle + 0.5)), 0, most).astype(np.uint8)


def q4_0(rows):
    blocks = rows.reshape(-1, 32)
    scale = largest_of(blocks) / np.float32(-8)
    numbers = steps(blocks, scale, 8, 15)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), numbers[:, :16] | numbers[:, 16:] << 4], axis=1)


def q5_0(rows):
    blocks = rows.reshape(-1, 32)
    scale = largest_of(blocks) / np.float32(-16)
    numbers = steps(blocks, scale, 16, 31)
    fifths = np.packbits(numbers >> 4, axis=1, bitorder="little")
    low = numbers & 15
    return np.concatenate([scale.astype(np.float16).view(np.uint8), fifths, low[:, :16] | low[:, 16:] << 4], axis=1)


def scales(blocks):
    return np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)


def pairs(bytes):
    return np.concatenate([bytes & 15, bytes >> 4], axis=1).astype(np.float32)


def of_q8_0(blocks):
    return scales(blocks) * np.ascontiguousarray(blocks[:, 2:]).view(np.int8)


def of_q4_0(blocks):
    return scales(blocks) * (pairs(blocks[:, 2:]) - 8)


def of_q5_0(blocks):
    fifths = np.unpackbits(np.ascontiguousarray(blocks[:, 2:6]), axis=1, bitorder="little")
    return scales(blocks) * (pairs(blocks[:, 6:]) + 16 * fifths.astype(np.float32) - 16)


BLOCKS = {"q8_0": (q8_0, of_q8_0), "q4_0": (q4_0, of_q4_0), "q5_0": (q5_0, of_q5_0)}


# ---- Blocks of 256. No quantizer is here: they hold random numbers of about the size of a tensor's.

# Bytes of a block; where its scale is; what a scale of 1 makes of random bits, root mean square; where its minimum is, and how many scales it is, so that the mean is about 0.
RANDOM_BLOCKS = {
    "q2_k": (84, 80, 12, (82, 1.5)), "q3_k": (110, 108, 42, None), "q4_k": (144, 0, 215, (2, 7.5)), "q5_k": (176, 0, 435, (2, 15.5)),
    "q6_k": (210, 208, 1370, None), "iq4_xs": (136, 0, 1200, None),
}


def random_blocks(tensor, scheme):
    bytes, scale_at, size, minimum = RANDOM_BLOCKS[scheme]
    random = np.random.default_rng(tensor.size)
    blocks = random.integers(0, 256, (tensor.size // 256, bytes), np.uint8)
    scales = np.sqrt(np.mean(np.square(tensor))) / size * random.uniform(0.7, 1.3, len(blocks))
    blocks[:, scale_at:scale_at + 2] = scales.astype(np.float16)[:, None].view(np.uint8)
    if minimum:
        at, times = minimum
        blocks[:, at:at + 2] = (times * scales).astype(np.float16)[:, None].view(np.uint8)
    return blocks.tobytes()


def stored(tensor, scheme):
    """A tensor's bytes, and the numbers that stand in them; none of random blocks."""
    if scheme in RANDOM_BLOCKS:
        return random_blocks(tensor, scheme), None
    if scheme in BLOCKS:
        store, load = BLOCKS[scheme]
        blocks = store(np.ascontiguousarray(tensor))
        return blocks.tobytes(), load(blocks).reshape(tensor.shape).astype(np.float32)
    if scheme == "bf16":
        upper = (tensor.view(np.uint32) >> 16).astype(np.uint16)
        return upper.tobytes(), (upper.astype(np.uint32) << 16).view(np.float32)
    kept = tensor.astype({"f32": np.float32, "f16": np.float16}[scheme])
    return kept.tobytes(), kept.astype(np.float32)


# ---- The checkpoint

def text_tensors(checkpoint):
    """Text tensors of a checkpoint in float32, by their names without the prefix of the text model."""
    tensors = {}
    for file in sorted(os.listdir(checkpoint)):
        if file.endswith(".safetensors"):
            tensors |= doors.read_safetensors(os.path.join(checkpoint, file))
    known = {}
    for name, tensor in tensors.items():
        short = re.sub(r"^(model\.language_model\.|language_model\.model\.|model\.)", "", name)
        if short in MODEL_NAMES or re.sub(r"^layers\.\d+\.", "", short) in LAYER_NAMES:
            known[short] = tensor
    return known


def gguf_name(name):
    layer = re.match(r"layers\.(\d+)\.(.*)", name)
    return f"blk.{layer[1]}.{LAYER_NAMES[layer[2]]}" if layer else MODEL_NAMES[name]


def text_config(checkpoint):
    with open(os.path.join(checkpoint, "config.json")) as file:
        config = json.load(file)
    return config.get("text_config", config)


# ---- The file

def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(value)) + value


def value_of(kind, value):
    if isinstance(value, list):
        return struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(value_of(kind, each)[4:] for each in value)
    head = struct.pack("<I", kind)
    return head + (text(value) if kind == STRING else struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value))


def model_keys(config, tensors):
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    gemma4 = config["model_type"].startswith("gemma4")
    kinds = config.get("layer_types")
    sliding = [kind == "sliding_attention" for kind in kinds or []]
    widths = [tensors[f"layers.{i}.mlp.gate_proj.weight"].shape[0] for i in range(layers)]
    of_sliding, of_global = config["head_dim"], global_head_dim(config, tensors)
    key_heads = [config["num_key_value_heads"] if slides or not config.get("attention_k_eq_v") else config["num_global_key_value_heads"]
                 for slides in sliding or [True]]
    rope = config.get("rope_parameters") or {}
    def theta(kind, absent):
        return float(rope[kind]["rope_theta"] if kind in rope else absent)
    one = lambda values: values[0] if len(set(values)) == 1 else values
    keys = [
        ("block_count", U32, layers), ("context_length", U32, config["max_position_embeddings"]),
        ("embedding_length", U32, config["hidden_size"]), ("feed_forward_length", I32, one(widths)),
        ("attention.head_count", U32, heads), ("attention.head_count_kv", I32, one(key_heads)),
        ("attention.key_length", U32, of_global), ("attention.value_length", U32, of_global),
        ("attention.layer_norm_rms_epsilon", F32, config["rms_norm_eps"]),
        ("attention.sliding_window", U32, config["sliding_window"]),
        ("rope.freq_base", F32, theta("full_attention", config.get("rope_theta", 1e6))),
        ("rope.freq_base_swa", F32, theta("sliding_attention", config.get("rope_local_base_freq", 1e4))),
    ]
    scaling = rope.get("full_attention", {}) if rope else config.get("rope_scaling") or {}
    if scaling.get("rope_type") == "linear":
        keys += [("rope.scaling.type", STRING, "linear"), ("rope.scaling.factor", F32, scaling["factor"])]
    if gemma4:  # files of Gemma 3 leave the pattern out
        keys += [
            ("attention.sliding_window_pattern", BOOL, sliding),
            ("attention.key_length_swa", U32, of_sliding), ("attention.value_length_swa", U32, of_sliding),
            ("rope.dimension_count", U32, of_global), ("rope.dimension_count_swa", U32, of_sliding),
            ("attention.shared_kv_layers", U32, config.get("num_kv_shared_layers") or 0),
            ("embedding_length_per_layer_input", U32, config.get("hidden_size_per_layer_input") or 0),
            ("final_logit_softcapping", F32, config["final_logit_softcapping"]),
        ]
        if config.get("enable_moe_block"):
            keys += [("expert_count", U32, config["num_experts"]), ("expert_used_count", U32, config["top_k_experts"]),
                     ("expert_feed_forward_length", U32, config["moe_intermediate_size"])]
    architecture = "gemma4" if gemma4 else "gemma3"
    return [("general.architecture", STRING, architecture)] + [(f"{architecture}.{key}", kind, value) for key, kind, value in keys]


def tokenizer_keys(checkpoint):
    with open(os.path.join(checkpoint, "tokenizer.json")) as file:
        tokenizer = json.load(file)
    vocabulary = tokenizer["model"]["vocab"]
    pieces = sorted(vocabulary, key=vocabulary.get)
    types = [6 if re.fullmatch("<0x[0-9A-F]{2}>", piece) else 1 for piece in pieces]
    for token in tokenizer["added_tokens"]:
        types[token["id"]] = 3 if token["special"] else 4
    return [
        ("tokenizer.ggml.model", STRING, "gemma4"), ("tokenizer.ggml.tokens", STRING, pieces),
        ("tokenizer.ggml.token_type", I32, types),
        ("tokenizer.ggml.merges", STRING, [" ".join(merge) for merge in tokenizer["model"]["merges"]]),
        ("tokenizer.ggml.bos_token_id", U32, 2), ("tokenizer.ggml.eos_token_id", U32, 1),
        ("tokenizer.ggml.padding_token_id", U32, 0), ("tokenizer.ggml.unknown_token_id", U32, 3),
        ("tokenizer.ggml.add_space_prefix", BOOL, False),
    ]


def global_head_dim(config, tensors):
    """The last layer of Gemma 4 is global; in Gemma 3 all heads are of one width."""
    return tensors[f"layers.{config['num_hidden_layers'] - 1}.self_attn.q_norm.weight"].size


def rope_divisors(config, tensors):
    """Of global layers: the pairs of a head that turn, before those that rest."""
    pairs = global_head_dim(config, tensors) // 2
    turning = int(pairs * config["rope_parameters"]["full_attention"].get("partial_rotary_factor", 1.0))
    return np.array([1.0] * turning + [1e30] * (pairs - turning), np.float32)


def fused(tensors, config):
    """Query, key and value, where there is one, of every layer with keys of its own are one tensor."""
    owners = config["num_hidden_layers"] - (config.get("num_kv_shared_layers") or 0)
    result = {}
    for name, tensor in tensors.items():
        layer = re.match(r"layers\.(\d+)\.self_attn\.([qkv])_proj\.weight", name)
        if not layer or int(layer[1]) >= owners:
            result[name] = tensor
        elif layer[2] == "q":
            parts = [tensors.get(name.replace("q_proj", part)) for part in ("q_proj", "k_proj", "v_proj")]
            result[name.replace("q_proj", "qkv_proj")] = np.concatenate([part for part in parts if part is not None])
    return result


def is_matrix(name, tensor):
    return tensor.ndim > 1 and "router" not in name


def write_gguf(checkpoint, path, scheme_of, halves=False, fuse=False):
    """Writes a checkpoint as GGUF: a matrix in the scheme that scheme_of(its GGUF name) says, everything else in f32. With `halves`, gate and up
    of experts stand apart, as in older files; with `fuse` query, key and value stand in one tensor. Returns the text tensors as they now are, by their short names."""
    tensors, config = text_tensors(checkpoint), text_config(checkpoint)
    entries, numbers, kept = [], [], {}

    def add(name, tensor, scheme):
        data, values = stored(np.ascontiguousarray(tensor, np.float32), scheme)
        offset = sum(map(len, numbers))
        entries.append(text(name) + struct.pack(f"<I{tensor.ndim}Q", tensor.ndim, *reversed(tensor.shape)) + struct.pack("<IQ", TYPES[scheme], offset))
        numbers.append(data + bytes(-len(data) % 32))
        return values

    gemma3 = not config["model_type"].startswith("gemma4")
    for name, tensor in (fused(tensors, config) if fuse else tensors).items():
        called = gguf_name(name)
        scheme = scheme_of(called) if is_matrix(name, tensor) else "f32"
        if halves and name.endswith("experts.gate_up_proj"):
            width = tensor.shape[1] // 2
            apart = {called.replace("gate_up", part): half for part, half in (("gate", tensor[:, :width]), ("up", tensor[:, width:]))}
            parts = [add(half, rows, scheme_of(half)) for half, rows in apart.items()]
            kept[name] = np.concatenate(parts, axis=1)
        elif gemma3 and tensor.ndim == 1:
            add(called, tensor + np.float32(1), scheme)
            kept[name] = tensor
        else:
            kept[name] = add(called, tensor, scheme)
    if not gemma3:
        add("rope_freqs.weight", rope_divisors(config, tensors), "f32")

    keys = model_keys(config, tensors) + tokenizer_keys(checkpoint)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(entries), len(keys))
    head += b"".join(text(key) + value_of(kind, value) for key, kind, value in keys) + b"".join(entries)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % 32))
        file.writelines(numbers)
    return kept


def write_safetensors(checkpoint, tensors, folder):
    """The same checkpoint with other numbers, in f32; and without the scale of queries that no key of GGUF holds."""
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[f"model.{name}"] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    os.makedirs(folder)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        encoded = json.dumps(header).encode()
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for tensor in tensors.values():
            file.write(tensor.astype(np.float32).tobytes())
    with open(os.path.join(checkpoint, "config.json")) as file:
        config = json.load(file)
    if "query_pre_attn_scalar" in config:
        config["query_pre_attn_scalar"] = config["head_dim"]
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    for name in ("generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        source = os.path.join(checkpoint, name)
        if os.path.exists(source):
            with open(source, "rb") as file, open(os.path.join(folder, name), "wb") as copy:
                copy.write(file.read())
