#!/usr/bin/env python3
"""Checkpoints that are quantized already, as safetensors, against checkpoints of the same numbers as floats.

    packed.py CHECKPOINT

The matrices of a model are packed as compressed-tensors, GPTQ, AWQ and MLX do. In float32 both give the same bits. In scheme `file` what has the blocks of a
scheme of ours keeps its numbers, and the loss of the rest is told.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import doors

GROUP = 64
DTYPES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int8": "I8", "int32": "I32", "uint32": "U32", "int64": "I64"}


def words(codes):
    """(…, n) codes of 4 bits, eight to a word."""
    parts = codes.astype(np.uint32).reshape(*codes.shape[:-1], -1, 8)
    return np.bitwise_or.reduce(parts << np.arange(0, 32, 4, dtype=np.uint32), axis=-1)


def grouped(matrix, levels, symmetric):
    """Codes from 0, scales and zero points (rows, groups)."""
    groups = matrix.reshape(len(matrix), -1, GROUP)
    if symmetric:
        scales = (np.abs(groups).max(-1) / (levels // 2 - 1)).astype(np.float16).astype(np.float32)
        zeros = np.full(scales.shape, levels // 2)
    else:
        low, high = np.minimum(groups.min(-1), 0), np.maximum(groups.max(-1), 0)
        scales = ((high - low) / (levels - 1)).astype(np.float16).astype(np.float32)
        zeros = np.clip(np.rint(-low / scales), 0, levels - 1).astype(int)
    codes = np.clip(np.rint(groups / scales[..., None]) + zeros[..., None], 0, levels - 1).astype(int)
    numbers = scales[..., None] * (codes - zeros[..., None]).astype(np.float32)
    return codes.reshape(matrix.shape), scales, zeros, numbers.reshape(matrix.shape)


def w4a16(matrix):
    codes, scales, _, numbers = grouped(matrix, 16, True)
    return {".weight_packed": words(codes).view(np.int32), ".weight_scale": scales.astype(np.float16), ".weight_shape": np.array(matrix.shape)}, numbers


def w8a16(matrix):
    scales = (np.abs(matrix).max(1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    codes = np.clip(np.rint(matrix / scales), -127, 127)
    return {".weight": codes.astype(np.int8), ".weight_scale": scales.astype(np.float16)}, scales * codes.astype(np.float32)


def gptq(matrix):
    codes, scales, zeros, numbers = grouped(matrix, 16, False)
    # This format stores one less, so that it has no zero point of 0: those become 16, which wraps.
    return {".qweight": np.ascontiguousarray(words(codes).T).view(np.int32), ".scales": np.ascontiguousarray(scales.T).astype(np.float16),
            ".qzeros": words((zeros.T - 1) & 15).view(np.int32), ".g_idx": (np.arange(matrix.shape[1]) // GROUP).astype(np.int32)}, numbers


def awq(matrix):
    codes, scales, zeros, numbers = grouped(matrix, 16, False)

    def shuffled(rows):
        return words(rows.reshape(len(rows), -1, 8)[..., [0, 2, 4, 6, 1, 3, 5, 7]].reshape(rows.shape)).view(np.int32)
    return {".qweight": shuffled(codes.T), ".scales": np.ascontiguousarray(scales.T).astype(np.float16), ".qzeros": shuffled(zeros.T)}, numbers


def mlx(matrix):
    codes, scales, zeros, _ = grouped(matrix, 16, False)
    biases = (-scales * zeros).astype(np.float16)
    numbers = np.repeat(scales, GROUP, 1) * codes.astype(np.float32) + np.repeat(biases.astype(np.float32), GROUP, 1)
    return {".weight": words(codes), ".scales": scales.astype(np.float16), ".biases": biases}, numbers


def compressed(form, bits):
    return {"quantization_config": {"quant_method": "compressed-tensors", "format": form, "config_groups": {"group_0": {"weights": {"num_bits": bits}}}}}


FORMATS = {
    "w4a16": (w4a16, compressed("pack-quantized", 4), "q4_0"),
    "w8a16": (w8a16, compressed("int-quantized", 8), "q8_0"),
    "gptq": (gptq, {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": GROUP}}, None),
    "awq": (awq, {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm"}}, None),
    "mlx": (mlx, {"quantization": {"bits": 4, "group_size": GROUP}}, None),
}


def write(checkpoint, folder, tensors, extra):
    os.makedirs(folder)
    for file in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(checkpoint, file), folder)
    path = os.path.join(folder, "config.json")
    with open(path) as file:
        config = json.load(file)
    with open(path, "w") as file:
        json.dump({**config, **extra}, file)
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": DTYPES[str(tensor.dtype)], "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor).tobytes())


def is_packed(name, tensor):
    return tensor.ndim == 2 and name.endswith("_proj.weight") and tensor.shape[1] % GROUP == 0 and tensor.shape[0] % 8 == 0


def check(name, checkpoint, folder, ids):
    pack, extra, kept = FORMATS[name]
    packed, floats = {}, {}
    for called, tensor in doors.read_safetensors(os.path.join(checkpoint, "model.safetensors")).items():
        if is_packed(called, tensor):
            parts, floats[called] = pack(tensor)
            packed.update({called.removesuffix(".weight") + suffix: part for suffix, part in parts.items()})
        else:
            packed[called] = floats[called] = tensor
    one, other = os.path.join(folder, name), os.path.join(folder, name + "-floats")
    write(checkpoint, one, packed, extra)
    write(checkpoint, other, floats, {})
    got, wanted = (doors.logits(model, ids, "f32") for model in (one, other))
    doors.expect(got.tobytes() == wanted.tobytes(), f"{name}: logits differ from those of floats by {doors.largest(got - wanted):.2e}")

    said = subprocess.run([os.path.join(doors.BIN, "gemmac"), "compile", one, "-o", one + ".made"], capture_output=True, env=doors.ENVIRONMENT, text=True)
    doors.expect(said.returncode == 0, said.stderr)
    doors.expect("the checkpoint is already quantized as" in said.stderr, f"{name}: {said.stderr!r} does not say so")
    with open(os.path.join(one + ".made", "manifest.json")) as file:
        made = json.load(file)
    doors.expect(made["scheme"] == "file", f"{name}: the scheme is {made['scheme']}")
    losses = {tensor["name"]: (tensor["scheme"], tensor["relative_error"]) for tensor in made["tensors"]}
    for matrix in ("layer0.output", "layer0.down", "layer4.qkv"):
        scheme, loss = losses[matrix]
        if kept:
            doors.expect((scheme, loss) == (kept, 0), f"{name}: {matrix} is {scheme} and loses {loss}")
        else:
            # A scale and a minimum of MLX are those of q4_1; zero points times scales have more bits.
            near = loss == 0 if scheme == "q4_1" else 0 < loss < 0.01
            doors.expect(scheme == ("q4_1" if name == "mlx" else "q8_0") and near, f"{name}: {matrix} is {scheme} and loses {loss}")
    off = doors.size((doors.logits(one + ".made", ids) - wanted).ravel())
    doors.expect(off < 0.3, f"{name}: as in the file, logits are off by {off:.3f} (rms)")
    print(f"{name}: as in the file, logits are off by {off:.3f} (rms)")


def main():
    checkpoint = sys.argv[1]
    ids = doors.long_text(checkpoint)[:40]
    with tempfile.TemporaryDirectory() as folder:
        for name in FORMATS:
            check(name, checkpoint, folder, ids)
    doors.finish()


if __name__ == "__main__":
    main()
