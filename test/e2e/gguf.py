#!/usr/bin/env python3
"""GGUF files against safetensors of the same numbers: programs compiled from both compute the same bits.

    gguf.py CHECKPOINT [SCHEME …]      f32, bf16, q8_0, q4_0, mixed, fused

A tiny checkpoint is written as GGUF, its matrices in SCHEME. Compiled as its file says, it gives the logits of the safetensors checkpoint that holds the same numbers
as floats and was compiled with that scheme. `mixed` has what real files have: several schemes, in one stack and apart; each tensor keeps its own. `fused` holds query, key and value of a layer in one tensor, in q4_0: its rows are what they are apart.
"""
import json
import os
import re
import sys
import tempfile

import doors
import gguf_file
import quantized

SIZES = ("--context", "1024", "--max-tokens", "64")
# Beside others in q4_0: the last of the stack of attention, the second half of the gated products, the down projection alone.
MIXED = {"attn_v.weight": "q5_0", "ffn_up.weight": "q8_0", "ffn_up_exps.weight": "q8_0", "ffn_down.weight": "q5_0", "token_embd.weight": "q8_0"}


def compiled(checkpoint, folder, *options):
    doors.call("gemmac", "compile", checkpoint, "--target", "host", *SIZES, *options, "-o", folder)
    with open(os.path.join(folder, "manifest.json")) as file:
        return json.load(file)


def mixed(name):
    return next((scheme for end, scheme in MIXED.items() if name.endswith("." + end) or name == end), "q4_0")


def fits_blocks(tensors, name):
    """Whether rows are whole blocks. Halves of a tensor, and tensors in one, have rows as long as its own."""
    whole = re.sub("ffn_(gate|up)_exps", "ffn_gate_up_exps", name).replace("attn_qkv", "attn_q")
    return tensors[whole].shape[-1] % 32 == 0


def check_fused(checkpoint, folder):
    tensors = {gguf_file.gguf_name(name): tensor for name, tensor in gguf_file.text_tensors(checkpoint).items()}
    made, logits = {}, {}
    ids = doors.long_text(checkpoint)
    for name, fuse in (("apart", False), ("fused", True)):
        file = os.path.join(folder, name + ".gguf")
        gguf_file.write_gguf(checkpoint, file, lambda called: "q4_0" if fits_blocks(tensors, called) else "bf16", fuse=fuse)
        made[name] = compiled(file, os.path.join(folder, name))["tensors"]
        logits[name] = doors.logits(os.path.join(folder, name), ids)
    ranges = [source["rows"] for tensor in made["fused"] for source in tensor["sources"] if isinstance(source, dict)]
    doors.expect(ranges and any(begin > 0 for begin, _ in ranges), f"the manifest says {ranges}, but keys are rows of a fused tensor")
    for weights in made.values():
        for tensor in weights:
            del tensor["sources"]
    doors.expect(made["apart"] == made["fused"], "weights differ in more than their sources")
    doors.expect(logits["apart"].tobytes() == logits["fused"].tobytes(), "logits differ from those of tensors apart")


def check(checkpoint, scheme, folder):
    if scheme == "fused":
        return check_fused(checkpoint, folder)
    tensors = {gguf_file.gguf_name(name): tensor for name, tensor in gguf_file.text_tensors(checkpoint).items()}

    def scheme_of(name):
        wanted = mixed(name) if scheme == "mixed" else scheme
        # As llama.cpp: rows that are no whole blocks stay floats.
        return wanted if wanted in ("f32", "bf16") or fits_blocks(tensors, name) else "bf16"

    experts = any("exps" in name for name in tensors)
    file = os.path.join(folder, "model.gguf")
    kept = gguf_file.write_gguf(checkpoint, file, scheme_of, halves=experts and scheme in ("q8_0", "mixed"))
    made = compiled(file, os.path.join(folder, "gguf"))
    ids = doors.long_text(checkpoint)
    got = doors.logits(os.path.join(folder, "gguf"), ids)
    doors.expect(made["scheme"] == "file", f"{scheme}: the manifest calls it {made['scheme']}")
    if scheme == "mixed":
        check_mixed(file, made, ids, got)
        return

    losses = {tensor["name"]: tensor["relative_error"] for tensor in made["tensors"] if tensor["relative_error"] != 0}
    doors.expect(not losses, f"{scheme}: weights are not as the file has them: {losses}")
    same = os.path.join(folder, "safetensors")
    gguf_file.write_safetensors(checkpoint, kept, same)
    other = compiled(same, os.path.join(folder, "same"), "--scheme", scheme, "--cache-scheme", made["cache_scheme"])
    doors.expect(stored(made) == stored(other), f"{scheme}: stored as {stored(made)}, not {stored(other)}")
    wanted = doors.logits(os.path.join(folder, "same"), ids)
    doors.expect(got.tobytes() == wanted.tobytes(), f"{scheme}: logits differ by up to {doors.largest(got - wanted):.2e}")


def stored(made):
    return {tensor["name"]: tensor["scheme"] for tensor in made["tensors"]}


def check_mixed(file, made, ids, got):
    for tensor in made["tensors"]:
        matrix = len(tensor["shape"]) > 1 and "router" not in tensor["name"]
        if not matrix or tensor["shape"][-1] % 32 != 0:
            continue
        parts = {mixed(source) for source in tensor["sources"]}
        doors.expect({tensor["scheme"]} == parts, f"{tensor['name']} of {parts} is stored as {tensor['scheme']}")
        doors.expect(tensor["relative_error"] == 0, f"{tensor['name']} of {parts} lost {tensor['relative_error']:.1e}")
    quantized.expect_like_noise(file, ids, "file", made["cache_scheme"], got, doors.reference(file, ids, "file", made["cache_scheme"]))
    # Nothing but rounded activations stands between the program and the file's exact numbers.
    exact = doors.reference(file, ids, "f32", "f32")
    difference = doors.size((got - exact).ravel()) / doors.size(exact.ravel())
    print(f"mixed: {difference:.1e} of the logits' size away from the file's numbers")
    doors.expect(difference < 0.2, f"mixed: logits are {difference:.1e} of their size away from those of the file's numbers")


def main():
    checkpoint, *schemes = sys.argv[1:]
    for scheme in schemes:
        with tempfile.TemporaryDirectory() as folder:
            check(checkpoint, scheme, folder)
    doors.finish()


if __name__ == "__main__":
    main()
