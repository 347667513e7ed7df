#!/usr/bin/env python3
"""A checkpoint whose matrices were trained for 4 bits and saved in bf16: in q4_0 they are on their lattice again, and the compiler says so.

    qat.py CHECKPOINT
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import doors
import packed

LEFT = "layers.3.mlp.down_proj.weight"  # was not trained so


def bfloats(numbers):
    """float32 as the bits of bfloat16, ties to even."""
    bits = np.ascontiguousarray(numbers, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def lattice(matrix):
    blocks = matrix.reshape(-1, 32)
    far = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    # With all bits of float16, so that the farthest number, rounded to bf16, does not say the scale.
    scales = np.where(far == 0, 1, far / np.float32(-7.97)).astype(np.float16).astype(np.float32)
    return (scales * np.clip(np.rint(blocks / scales), -8, 7)).reshape(matrix.shape)


def compiled(folder, scheme):
    said = subprocess.run([os.path.join(doors.BIN, "gemmac"), "compile", folder, "--scheme", scheme, "-o", folder + ".made"],
                          capture_output=True, env=doors.ENVIRONMENT, text=True)
    doors.expect(said.returncode == 0, said.stderr)
    with open(os.path.join(folder + ".made", "manifest.json")) as file:
        return said.stderr, json.load(file)


def main():
    checkpoint = sys.argv[1]
    plain, trained = {}, {}
    for name, tensor in doors.read_safetensors(os.path.join(checkpoint, "model.safetensors")).items():
        plain[name] = trained[name] = bfloats(tensor)
        if tensor.ndim == 2 and tensor.shape[1] % 32 == 0 and not name.endswith(LEFT):
            trained[name] = bfloats(lattice(tensor))
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "trained")
        packed.write(checkpoint, model, trained, {})
        said, made = compiled(model, "q4_0")
        shares = {tensor["name"]: tensor.get("recovered", 0) for tensor in made["tensors"] if tensor["scheme"] == "q4_0"}
        doors.expect(shares.pop("layer3.down") < 0.1, "numbers of no lattice are found on one")
        doors.expect(set(shares.values()) == {1}, f"blocks that are recovered: {shares}")
        losses = {tensor["name"]: tensor["relative_error"] for tensor in made["tensors"] if tensor["name"] in shares}
        doors.expect(max(losses.values()) < 0.004, f"{losses}: more than what bf16 took")
        doors.expect(f"{len(shares)} of {len(shares) + 1} quantized matrices were trained for it" in said, f"{said!r} does not say so")
        doors.expect("the other matrices lose up to" in said, f"{said!r} does not say what is lost")

        model = os.path.join(folder, "plain")
        packed.write(checkpoint, model, plain, {})
        said, _ = compiled(model, "q4_0")
        doors.expect("trained" not in said, f"{said!r}, of a model that was not")
    doors.finish()


if __name__ == "__main__":
    main()
