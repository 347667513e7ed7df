#!/usr/bin/env python3
"""A GGUF file for speed measurements: the shapes of a file and the types that llama-quantize gives them, with random blocks.

    benchmarks/random_mix.py SOURCE.gguf Q4_K_M OUT.gguf --llama-quantize build/bin/llama-quantize

`llama-quantize --dry-run` says the type of every tensor, so the mix is that of a file that it would write; only the numbers are drawn
instead of searched for, which takes a minute instead of an hour. Speed does not depend on them. Tensors whose type stays are copied, and so is
the metadata. Needs PyPI's gguf.
"""
import argparse
import re
import subprocess
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

# Where a block has its scale in float16, and its minimum as (place, how many scales make the mean of the block 0).
SCALES = {
    Type.Q2_K: (80, (82, 1.5)), Type.Q3_K: (108, None), Type.Q4_K: (0, (2, 7.5)), Type.Q5_K: (0, (2, 15.5)), Type.Q6_K: (208, None),
    Type.IQ4_XS: (0, None), Type.IQ4_NL: (0, None), Type.Q4_0: (0, None), Type.Q4_1: (0, (2, -7.5)), Type.Q5_0: (0, None),
    Type.Q5_1: (0, (2, -15.5)), Type.Q8_0: (0, None),
}
BLOCKS = 1 << 17  # drawn at a time
SAID = re.compile(r"^\[ *\d+/ *\d+\] +(\S+) .* type = +(\w+), size = .*?(?:\((\w+)\))?\s*$")


def main():
    options = read_options()
    source = gguf.GGUFReader(options.source)
    types = types_of(options, source)
    with open(options.out, "wb") as out:
        places = write_header(out, source, types, options.type)
        for number, tensor in enumerate(source.tensors):
            assert out.tell() == places[number]
            write_tensor(out, tensor, types[number], np.random.Generator(np.random.SFC64([options.seed, number])))
            out.write(bytes(-out.tell() % source.alignment))


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="GGUF file with the shapes")
    parser.add_argument("type", help="what llama-quantize is told: Q4_K_M, IQ4_XS, …")
    parser.add_argument("out")
    parser.add_argument("--llama-quantize", required=True, metavar="PROGRAM")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def types_of(options, source):
    """The type of each tensor of the source in the new file."""
    words = [options.llama_quantize, "--dry-run", "--allow-requantize", options.source, options.type]
    said = subprocess.run(words, capture_output=True, text=True)
    if said.returncode:
        sys.exit(f"'{' '.join(words)}' ended with {said.returncode}:\n" + said.stderr[-2000:])
    found = {}
    for line in (said.stdout + said.stderr).splitlines():
        if match := SAID.match(line):
            found[match[1]] = Type[(match[3] or match[2]).upper()]
    if missing := [tensor.name for tensor in source.tensors if tensor.name not in found]:
        sys.exit(f"llama-quantize says no type for '{missing[0]}' and {len(missing) - 1} more")
    return [found[tensor.name] for tensor in source.tensors]


def write_header(out, source, types, file_type):
    """Metadata as the source has it, and tensors one behind the other; where each begins in the file."""
    metadata = bytearray(source.data[:source.tensors[0].field.offset].tobytes())
    if field := source.fields.get("general.file_type"):
        place = field.offset + sum(part.nbytes for part in field.parts[:-1])
        metadata[place:place + 4] = int(gguf.LlamaFileType[f"MOSTLY_{file_type}"]).to_bytes(4, "little")
    out.write(metadata)
    offset, offsets = 0, []
    for tensor, to in zip(source.tensors, types):
        name, shape = tensor.name.encode(), [int(size) for size in tensor.shape]
        out.write(len(name).to_bytes(8, "little") + name + len(shape).to_bytes(4, "little"))
        out.write(b"".join(size.to_bytes(8, "little") for size in shape))
        out.write(int(to).to_bytes(4, "little") + offset.to_bytes(8, "little"))
        offsets.append(offset)
        offset += bytes_in(tensor, to)
        offset += -offset % source.alignment
    out.write(bytes(-out.tell() % source.alignment))
    return [out.tell() + offset for offset in offsets]


def bytes_in(tensor, to):
    count, size = gguf.GGML_QUANT_SIZES[to]
    assert tensor.shape[0] % count == 0, (tensor.name, to)
    return int(tensor.n_elements) // count * size


def write_tensor(out, tensor, to, random):
    if to == tensor.tensor_type:
        out.write(memoryview(np.ascontiguousarray(tensor.data)).cast("B"))
        return
    blocks = bytes_in(tensor, to) // gguf.GGML_QUANT_SIZES[to][1]
    deviation = float(tensor.shape[0]) ** -0.5  # as numbers of a trained matrix: outputs as large as inputs
    scale = deviation / gguf.quants.dequantize(drawn(random, to, 64, 1.0), to).std()
    for begin in range(0, blocks, BLOCKS):
        out.write(memoryview(drawn(random, to, min(BLOCKS, blocks - begin), scale)).cast("B"))


def drawn(random, to, count, scale):
    """Blocks with any numbers and the scale given, 0.7 to 1.3 times."""
    size = gguf.GGML_QUANT_SIZES[to][1]
    blocks = np.frombuffer(random.bytes(count * size), np.uint8).reshape(count, size).copy()
    scales = scale * (0.7 + 0.6 * random.random(count, np.float32))
    place, minimum = SCALES[to]
    blocks[:, place:place + 2] = scales.astype(np.float16).view(np.uint8).reshape(count, 2)
    if minimum:
        place, factor = minimum
        blocks[:, place:place + 2] = (factor * scales).astype(np.float16).view(np.uint8).reshape(count, 2)
    return blocks


if __name__ == "__main__":
    main()
