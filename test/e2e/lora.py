#!/usr/bin/env python3
"""LoRA adapters that are merged while compiling against what transformers with PEFT was recorded to compute (lora/make_reference.py).

    lora.py CHECKPOINT

Ranks and alphas of single modules, a scale, rsLoRA, DoRA, norms that were trained whole, and two adapters at once; the same from GGUF files, whose tensors
may hold several matrices, and whose blocks are made again.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import doors
import gguf_file

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lora")
TOLERANCE = 1e-3


def words(use):
    """`ranks:0.5 dora` as options."""
    return [word for adapter in use.split() for word in ("--lora", os.path.join(HERE, adapter))]


def logits(model, ids, use, *options):
    return doors.through_files(ids, lambda given, made: doors.call(
        "gemmac", "logits", model, "--ids-file", given, *words(use), *options, "-o", made))[:, ::8]


def check_blocks(file, ids, wanted, base):
    """Of a file in q8_0 the merged matrices are in q8_0, too, and somebody says so."""
    said = subprocess.run([os.path.join(doors.BIN, "gemmac"), "compile", file, *words("ranks"), "-o", file + ".made"],
                          capture_output=True, env=doors.ENVIRONMENT, text=True)
    doors.expect(said.returncode == 0, said.stderr)
    doors.expect("merged matrices that the file stores as q8_0 are quantized again" in said.stderr, f"{said.stderr!r} says nothing of blocks")
    with open(os.path.join(file + ".made", "manifest.json")) as manifest:
        made = json.load(manifest)
    losses = {tensor["name"]: (tensor["scheme"], tensor["relative_error"]) for tensor in made["tensors"]}
    scheme, loss = losses["layer0.output"]
    doors.expect(scheme == "q8_0" and 0 < loss < 0.01, f"the merged matrix is {scheme} and loses {loss}")
    doors.expect(losses["layer2.output"] == ("q8_0", 0), f"{losses['layer2.output']}: a matrix without an adapter stays as it is")
    got = doors.logits(file + ".made", ids)[:, ::8]
    off, moved = np.sqrt(np.mean((got - wanted) ** 2)), np.sqrt(np.mean((base - wanted) ** 2))
    doors.expect(off < 0.1 * moved, f"logits are off by {off:.3f}, where the adapter moves them by {moved:.3f}")
    return made


def refused(*options):
    said = subprocess.run([os.path.join(doors.BIN, "gemmac"), *options], capture_output=True, env=doors.ENVIRONMENT, text=True)
    doors.expect(said.returncode == 1 and not said.stdout, f"{options}: exit code {said.returncode}, {said.stdout!r}")
    return said.stderr


def check_messages(checkpoint, compiled, manifest):
    adapter = os.path.join(HERE, "ranks")
    said = refused("compile", adapter, "-o", compiled + ".none")
    doors.expect("is an adapter of 'bard-e2b', not a model" in said, f"{said!r} does not say what the folder is")
    said = refused("run", compiled, "--lora", adapter, "--prompt", "a")
    doors.expect("is compiled already: adapters are merged into a checkpoint" in said, f"{said!r} does not say why")
    adapters = [(each["name"], each["scale"]) for each in manifest["adapters"]]
    doors.expect(adapters == [("ranks", 1)], f"the manifest says {adapters}")
    beside = os.path.join(os.path.dirname(compiled), "beside")
    shutil.copytree(checkpoint, beside)
    shutil.copy(os.path.join(adapter, "adapter_config.json"), beside)
    prints = []
    for options in [], words("ranks"), words("ranks:0.5"):
        said = subprocess.run([os.path.join(doors.BIN, "gemmac"), "compile", beside, *options, "--scheme", "q8_0", "-o", beside + ".made"],
                              capture_output=True, env=doors.ENVIRONMENT, text=True)
        doors.expect("an adapter lies beside the model" in said.stderr, said.stderr)
        with open(os.path.join(beside + ".made", "manifest.json")) as file:
            prints.append(json.load(file)["fingerprint"])
    doors.expect(len(set(prints)) == 3, f"{prints}: every use of adapters has a fingerprint of its own")


def main():
    checkpoint = sys.argv[1]
    recorded = doors.read_safetensors(os.path.join(HERE, "reference.safetensors"))
    ids = recorded["ids"].tolist()
    for use in sorted(recorded):
        if use == "ids":
            continue
        difference = doors.largest(logits(checkpoint, ids, "" if use == "base" else use, "--scheme", "f32") - recorded[use])
        doors.expect(difference <= TOLERANCE, f"{use}: logits differ by {difference:.2e}")
        print(f"{use}: logits differ by {difference:.2e}")

    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "fused.gguf")
        gguf_file.write_gguf(checkpoint, file, lambda name: "f32", fuse=True)
        use = "ranks:0.5 dora"
        difference = doors.largest(logits(file, ids, use, "--scheme", "f32") - recorded[use])
        doors.expect(difference <= TOLERANCE, f"GGUF with fused tensors: logits differ by {difference:.2e}")
        file = os.path.join(folder, "blocks.gguf")
        gguf_file.write_gguf(checkpoint, file, lambda name: "q8_0")
        manifest = check_blocks(file, ids, recorded["ranks"], recorded["base"])
        check_messages(checkpoint, file + ".made", manifest)
    doors.finish()


if __name__ == "__main__":
    main()
