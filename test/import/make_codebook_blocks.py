#!/usr/bin/env python3
"""Writes codebook-blocks.safetensors: blocks of the importance-matrix and ternary formats, and what PyPI's gguf 0.19.0 (NumPy)
decodes from them. Of each format NAME:
  NAME.raw, NAME.values          random bytes with random scales; float32
  NAME.all.raw, NAME.all.values  every entry of the codebook (of tq1_0: every byte) with a scale that makes all
                                 numbers small integers, and factors of 1; int8
  make_codebook_blocks.py FILE"""
import json
import sys

import numpy as np
from gguf import GGMLQuantizationType, quants

# The byte at which blocks have their float16 scale; iq1_m has four bits of it at each of four places.
SCALES = {"IQ1_S": 0, "IQ1_M": None, "IQ2_XXS": 0, "IQ2_XS": 0, "IQ2_S": 0, "IQ3_XXS": 0, "IQ3_S": 0, "TQ1_0": 52, "TQ2_0": 64}
# Scales of whole numbers, and entries of the codebook: iq1_m has that of iq1_s.
WHOLE = {"IQ1_S": (8, 2048), "IQ2_XXS": (8, 256), "IQ2_XS": (8, 512), "IQ2_S": (8, 1024), "IQ3_XXS": (2, 256), "IQ3_S": (1, 512),
         "TQ1_0": (1, 256)}


def set_scales(name, blocks, scales):
    bits = np.asarray(scales, np.float16).view(np.uint16)
    if SCALES[name] is not None:
        blocks[:, SCALES[name]:SCALES[name] + 2] = bits.view(np.uint8).reshape(-1, 2)
        return
    for i in range(4):
        byte = blocks[:, 49 + 2 * i]
        byte[:] = byte & 15 | (bits >> 4 * i & 15) << 4


def walk(name, random, size):
    """Blocks in which every entry of the codebook, or every ternary byte, stands."""
    scale, entries = WHOLE[name]
    in_block = {"IQ3_XXS": 64, "IQ3_S": 64, "TQ1_0": 48}.get(name, 32)
    blocks = random.integers(0, 256, (-(-entries // in_block), size), np.uint8)
    index = np.resize(np.arange(entries), (len(blocks), in_block)).astype(np.uint16)
    low = (index & 255).astype(np.uint8)
    if name == "IQ1_S":
        blocks[:, 2:34] = low
        words = blocks[:, 34:50].copy().view(np.uint16) & 0x8000
        high = (index >> 8).reshape(len(blocks), 8, 4) << np.array([0, 3, 6, 9], np.uint16)
        blocks[:, 34:50] = (words | high.sum(-1, dtype=np.uint16)).view(np.uint8)
    elif name == "IQ2_XXS":
        groups = blocks[:, 2:66].copy().reshape(-1, 8, 8)
        groups[:, :, :4] = low.reshape(-1, 8, 4)
        groups[:, :, 7] &= 15
        blocks[:, 2:66] = groups.reshape(-1, 64)
    elif name == "IQ2_XS":
        words = blocks[:, 2:66].copy().view(np.uint16) & 0xfe00
        blocks[:, 2:66] = (words | index).view(np.uint8)
        blocks[:, 66:74] = 0
    elif name == "IQ2_S":
        blocks[:, 2:34] = low
        blocks[:, 66:74] = ((index >> 8).reshape(-1, 8, 4) << np.array([0, 2, 4, 6], np.uint16)).sum(-1)
        blocks[:, 74:82] = 0
    elif name == "IQ3_S":
        blocks[:, 2:66] = low
        blocks[:, 66:74] = ((index >> 8).reshape(-1, 8, 8) << np.arange(8, dtype=np.uint16)).sum(-1)
        blocks[:, 106:110] = 0
    elif name == "IQ3_XXS":
        blocks[:, 2:66] = low
        blocks[:, 69::4] &= 15
    else:
        blocks[:, :48] = low
    set_scales(name, blocks, np.full(len(blocks), scale))
    return blocks


def main(path):
    tensors = {}

    def add(name, kind, blocks, dtype):
        values = quants.dequantize(blocks, kind)
        assert np.isfinite(values).all() and np.array_equal(values.astype(dtype).astype(np.float32), values)
        tensors[name + "raw"], tensors[name + "values"] = blocks, values.astype(dtype)

    for seed, name in enumerate(SCALES):
        kind, random = GGMLQuantizationType[name], np.random.default_rng(seed)
        quant = quants._type_traits[kind]
        blocks = random.integers(0, 256, (4, quant.type_size), np.uint8)
        set_scales(name, blocks, np.float16(random.normal(size=4)) * np.float16([1, 2**-8, 2**-13, 2**-20]))
        add(name + ".", kind, blocks, np.float32)
        if name in WHOLE:
            add(name + ".all.", kind, walk(name, random, quant.type_size), np.int8)

    header, data = {}, b""
    for name, array in tensors.items():
        kind = {"uint8": "U8", "int8": "I8", "float32": "F32"}[array.dtype.name]
        end = len(data) + array.nbytes
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


if __name__ == "__main__":
    main(sys.argv[1])
