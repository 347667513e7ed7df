#!/usr/bin/env python3
"""Writes corpus/ anew: small files of each kind, cut from the golden checkpoints in the folder of the command line."""
import json
import pathlib
import shutil
import struct
import sys

GOLDEN = pathlib.Path(sys.argv[1])
CORPUS = pathlib.Path(__file__).parent / "corpus"


def keep(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def files(**parts):
    """The files of one input, as Files.h reads them; names with _ for the last dot."""
    names = {name.replace("__", "."): part for name, part in parts.items()}
    return b"\n".join(b"%% " + name.encode() + b"\n" + (part if isinstance(part, bytes) else part.encode())
                      for name, part in names.items())


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def golden(path):
    return json.loads((GOLDEN / path).read_text())


WIDTHS = {"F32": 4, "F16": 2, "BF16": 2, "U8": 1, "I8": 1, "F8_E4M3": 1, "I32": 4, "U32": 4, "I64": 8}


def safetensors(tensors):
    """{name: (dtype, shape)} or (dtype, shape, bytes)"""
    header, numbers = {}, b""
    for name, (dtype, shape, *given) in tensors.items():
        size = WIDTHS[dtype]
        for axis in shape:
            size *= axis
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(numbers), len(numbers) + size]}
        numbers += given[0] if given else bytes((17 * i) % 60 for i in range(size))
    text = compact(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


# ---- GGUF

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
FORMATS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<B"}


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def value(kind, content):
    return string(content) if kind == STRING else struct.pack(FORMATS[kind], content)


def gguf(keys, tensors):
    """{key: (kind, value or list)}, {name: (sizes, type number, bytes)}"""
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(keys))
    for key, (kind, content) in keys.items():
        head += string(key)
        if isinstance(content, list):
            head += struct.pack("<IIQ", ARRAY, kind, len(content)) + b"".join(value(kind, each) for each in content)
        else:
            head += struct.pack("<I", kind) + value(kind, content)
    numbers = b""
    for name, (sizes, kind, content) in tensors.items():
        numbers += bytes(-len(numbers) % 32)
        head += string(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(numbers))
        numbers += content
    return head + bytes(-len(head) % 32) + numbers


def gguf_model(architecture, **more):
    return {"general.architecture": (STRING, architecture)} | {
        f"{architecture}.{key}": entry for key, entry in {
            "block_count": (U32, 2), "embedding_length": (U32, 32), "context_length": (U32, 64), "feed_forward_length": (U32, 32),
            "attention.head_count": (U32, 2), "attention.head_count_kv": (U32, 1), "attention.key_length": (U32, 16),
            "attention.value_length": (U32, 16), "attention.sliding_window": (U32, 8),
            "attention.layer_norm_rms_epsilon": (F32, 1e-6), "rope.freq_base": (F32, 1e6)}.items()} | more


PIECES = ["<pad>", "<eos>", "<bos>", "<unk>", "<0x41>", "▁", "t", "h", "e", "th", "the", "▁the", "<start_of_turn>"]
KINDS = [3, 3, 3, 2, 6, 1, 1, 1, 1, 1, 1, 1, 4]


def gguf_files():
    tokens = {"tokenizer.ggml.tokens": (STRING, PIECES), "tokenizer.ggml.token_type": (I32, KINDS),
              "tokenizer.ggml.bos_token_id": (U32, 2), "tokenizer.ggml.eos_token_id": (U32, 1),
              "tokenizer.ggml.unknown_token_id": (U32, 3), "tokenizer.ggml.add_bos_token": (BOOL, 1),
              "tokenizer.chat_template": (STRING, "{{ bos_token }}")}
    scores = {"tokenizer.ggml.model": (STRING, "llama"), "tokenizer.ggml.scores": (F32, [-float(i) for i in range(len(PIECES))])}
    merges = {"tokenizer.ggml.model": (STRING, "gemma4"), "tokenizer.ggml.merges": (STRING, ["t h", "th e", "▁ the"])}
    table = {"token_embd.weight": ([32, len(PIECES)], 8, bytes(34 * len(PIECES))), "output_norm.weight": ([32], 0, bytes(128))}
    keep("gguf", "gemma3", gguf(gguf_model("gemma3") | scores | tokens, table))
    gemma4 = gguf_model("gemma4", **{
        "gemma4.attention.sliding_window_pattern": (BOOL, [1, 0]), "gemma4.attention.key_length_swa": (U32, 8),
        "gemma4.attention.value_length_swa": (U32, 8), "gemma4.rope.dimension_count": (U32, 16),
        "gemma4.rope.dimension_count_swa": (U32, 8), "gemma4.rope.freq_base_swa": (F32, 1e4),
        "gemma4.attention.shared_kv_layers": (U32, 0), "gemma4.final_logit_softcapping": (F32, 30.0),
        "gemma4.embedding_length_per_layer_input": (U32, 4), "general.sampling.temp": (F32, 1.0),
        "general.sampling.top_k": (I32, 64), "general.sampling.top_p": (F32, 0.95)})
    keep("gguf", "gemma4", gguf(gemma4 | merges | tokens, {
        **table, "rope_freqs.weight": ([8], 0, struct.pack("<8f", *[1.0] * 4, *[1e30] * 4)),
        "per_layer_token_embd.weight": ([8, len(PIECES)], 1, bytes(16 * len(PIECES))),
        "blk.0.attn_v.weight": ([32, 8], 2, bytes(18 * 8))}))
    # One block of each type.
    blocks = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84), 11: (256, 110),
              12: (256, 144), 13: (256, 176), 14: (256, 210), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18),
              21: (256, 110), 22: (256, 82), 23: (256, 136), 29: (256, 56), 34: (256, 54), 35: (256, 66), 39: (32, 17)}
    for part, chosen in enumerate((list(blocks)[:12], list(blocks)[12:])):
        keep("gguf", f"blocks{part}", gguf({"general.architecture": (STRING, "llama")}, {
            f"t{kind}": ([blocks[kind][0]], kind, bytes((37 * i + kind) % 256 for i in range(blocks[kind][1]))) for kind in chosen}))
    keep("gguf", "parts", gguf(gguf_model("gemma3") | {"split.no": (U32, 0), "split.count": (U32, 2)}, {}))


# ---- Hugging Face

MODULE = "model.layers.0.self_attn.q_proj"
PACKINGS = {
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False},
             {".qweight": ("I32", [8, 8]), ".qzeros": ("I32", [2, 1]), ".scales": ("F16", [2, 8]), ".g_idx": ("I32", [64], struct.pack("<64i", *[i // 32 for i in range(64)]))}),
    "awq": ({"quant_method": "awq", "bits": 4, "group_size": 32, "version": "gemm", "zero_point": True},
            {".qweight": ("I32", [64, 1]), ".qzeros": ("I32", [2, 1]), ".scales": ("F16", [2, 8])}),
    "fp8": ({"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [8, 16]},
            {".weight": ("F8_E4M3", [16, 32]), ".weight_scale_inv": ("F32", [2, 2])}),
    "words": ({"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"group_0": {"weights": {
        "num_bits": 4, "group_size": 32, "strategy": "group", "symmetric": True}}}},
              {".weight_packed": ("I32", [8, 8]), ".weight_scale": ("BF16", [8, 2]), ".weight_shape": ("I64", [2], struct.pack("<2q", 8, 64))}),
    "bytes": ({"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {"group_0": {"weights": {
        "num_bits": 8, "strategy": "channel"}}}},
              {".weight": ("I8", [8, 32]), ".weight_scale": ("BF16", [8, 1])}),
    "mlx": ({"group_size": 32, "bits": 4, MODULE: {"group_size": 32, "bits": 8}},
            {".weight": ("U32", [8, 16]), ".scales": ("BF16", [8, 2]), ".biases": ("BF16", [8, 2])}),
}


def checkpoints():
    e2b, gemma3, experts = golden("tiny-e2b/config.json"), golden("tiny-gemma3/config.json"), golden("tiny-26b-a4b/config.json")
    weights = safetensors({"model.embed_tokens.weight": ("BF16", [8, 4]), "model.norm.weight": ("F32", [4])})
    generation = compact(golden("tiny-e2b/generation_config.json"))
    keep("checkpoint", "e2b", files(config__json=compact(e2b), generation_config__json=generation, model__safetensors=weights))
    keep("checkpoint", "gemma3", files(config__json=compact(gemma3), generation_config__json=compact(
        {"top_k": -1, "top_p": 1.0, "min_p": 0.1, "repetition_penalty": 1.1, "eos_token_id": 1}), model__safetensors=safetensors(
            {"model.embed_tokens.weight": ("BF16", [8, 4]), "lm_head.weight": ("F16", [8, 4])})))
    keep("checkpoint", "experts", files(config__json=compact({"model_type": experts["model_type"], "text_config": experts["text_config"]})))
    keep("checkpoint", "shards", files(config__json=compact({"model_type": "gemma3_text", "torch_dtype": None, "unsloth_fixed": True}),
                                       model__safetensors__index__json=compact({"weight_map": {"model.norm.weight": "a.safetensors"}}),
                                       a__safetensors=safetensors({"model.norm.weight": ("F32", [4])})))
    keep("checkpoint", "shard_name", files(config__json=compact({"model_type": "gemma3_text"}), model__safetensors__index__json=compact(
        {"weight_map": {"model.norm.weight": "line\nbreak.safetensors"}})))
    for name, (quantization, tensors) in PACKINGS.items():
        config = gemma3 | {"quantization" if name == "mlx" else "quantization_config": quantization}
        keep("checkpoint", name, files(config__json=compact(config), model__safetensors=safetensors(
            {MODULE + end: tensor for end, tensor in tensors.items()} | {"model.embed_tokens.weight": ("BF16", [2, 4])})))
    keep("checkpoint", "pointer", files(model__safetensors="version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"))


def tokenizers():
    whole = golden("tiny-e2b/tokenizer.json")
    merges = whole["model"]["merges"][:6]
    texts = ["<pad>", "<eos>", "<bos>", "<unk>", "<0x0A>", "<0x41>", "▁"]
    for merge in merges:
        left, right = merge if isinstance(merge, list) else merge.split(" ")
        texts += [text for text in (*left, *right, left, right, left + right) if text not in texts]
    texts = list(dict.fromkeys(texts))
    whole["model"] |= {"vocab": {text: i for i, text in enumerate(texts)}, "merges": merges}
    added = [each | {"id": texts.index(each["content"])} for each in whole["added_tokens"][:4] if each["content"] in texts]
    whole["added_tokens"] = added + [added[0] | {"content": "<turn>", "id": len(texts), "normalized": True, "special": False}]
    config = {"bos_token": "<bos>", "eos_token": {"content": "<eos>"}, "unk_token": "<unk>", "chat_template": "{{ bos_token }}"}
    keep("tokenizer", "e2b", files(tokenizer__json=compact(whole), tokenizer_config__json=compact(config)))
    keep("tokenizer", "field", files(tokenizer__json=compact({"line\nbreak": None} | whole)))
    whole["post_processor"] = whole["pre_tokenizer"] = None
    whole["model"] |= {"merges": [" ".join(m) if isinstance(m, list) else m for m in merges], "fuse_unk": False}
    keep("tokenizer", "older", files(tokenizer__json=compact(whole)))


def templates():
    jinja = (GOLDEN / "templates/gemma3.jinja").read_text()
    keep("template", "jinja", files(chat_template__jinja=jinja))
    keep("template", "config", files(tokenizer_config__json=compact({"chat_template": jinja[:200], "bos_token": "<bos>"})))
    keep("template", "list", files(tokenizer_config__json=compact({"chat_template": [
        {"name": "default", "template": "{{ a }}"}, {"name": "tool_use", "template": "{{ b }}"}]})))
    keep("template", "object", files(tokenizer_config__json=compact({"chat_template": {"rag": "{{ é }}"}})))
    keep("template", "zero", files(chat_template__jinja="{{ a }}\0{{ b }}"))
    keep("template", "processor", files(tokenizer_config__json="{}", chat_template__json=compact({"chat_template": "{{ c }}"})))


def adapters():
    query, table = "base_model.model." + MODULE, "base_model.model.model.embed_tokens"
    pair = {query + ".lora_A.weight": ("F32", [2, 4]), query + ".lora_B.weight": ("F32", [4, 2])}
    base = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "google/gemma-3"}
    for name, more, tensors in (
            ("lora", {}, pair), ("rslora", {"use_rslora": True, "target_modules": ".*q_proj", "init_lora_weights": "gaussian"}, pair),
            ("dora", {"use_dora": True}, pair | {query + ".lora_magnitude_vector": ("BF16", [4])}),
            ("patterns", {"r": 8, "rank_pattern": {"self_attn.q_proj": 2}, "alpha_pattern": {r"^model\.layers\.\d+\.(?:self_attn)\.q.*": 7}}, pair),
            ("table", {"target_modules": None, "ensure_weight_tying": True, "modules_to_save": ["norm"]},
             {table + ".lora_embedding_A": ("F32", [2, 8]), table + ".lora_embedding_B": ("F32", [4, 2]),
              "base_model.model.model.norm.modules_to_save.default.weight": ("F16", [4])})):
        keep("adapter", name, files(adapter_config__json=compact(base | more), adapter_model__safetensors=safetensors(tensors)))


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    gguf_files()
    checkpoints()
    tokenizers()
    templates()
    adapters()
    text = "the  théA<bos><turn of> aaaa\n"
    for tables in (0, 1):
        keep("tables", f"good{tables}", bytes([tables, 0]) + text.encode())
        keep("tables", f"changed{tables}", bytes([tables, 3, 0x40, 0, 9, 0x80, 2, 255, 0, 0x30, 1]) + text.encode() + b"\xff\xe2\x96")
    for name, head in (("good", [0, 0, 0]), ("verified", [0, 0, 3]), ("cut", [9, 0, 1])):
        keep("package", name, bytes(head) + b"\0ba <bos>ab")
    keep("package", "changed", bytes([0, 0, 1, 3, 8, 0, 3, 0x50, 1, 255, 0x70, 2, 64]) + b"abab")


main()
