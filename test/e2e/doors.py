"""The ways into gemmac that a user has, and the ways to compare what comes out."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

from gemmac_tool import BUILD, CACHE

BIN = os.path.join(BUILD, "bin")
ENVIRONMENT = dict(os.environ, XDG_CACHE_HOME=str(CACHE))
failures = []


def expect(holds, sentence):
    """Notes what does not hold and goes on: one run shows everything that is wrong."""
    if not holds:
        failures.append(sentence)
        print("WRONG:", sentence, flush=True)


def finish():
    print(f"{len(failures)} expectations failed" if failures else "all as expected")
    sys.exit(1 if failures else 0)


def call(program, *words, given=b""):
    """Standard output of a program that must succeed; words that are None are left out with the option before them."""
    said = subprocess.run([os.path.join(BIN, program), *options(words)], input=given, capture_output=True, env=ENVIRONMENT)
    if said.returncode != 0:
        print(said.stderr.decode(errors="replace"), file=sys.stderr)
        raise SystemExit(f"{program} {' '.join(options(words))}: exit code {said.returncode}")
    return said.stdout


def options(words):
    kept = []
    for word in words:
        if word is None:
            kept.pop()
        else:
            kept.append(str(word))
    return kept


def logits(model, ids, scheme=None, chunk=None, threads=None):
    """gemmac logits: float32 (tokens, vocabulary)."""
    return through_files(ids, lambda given, made: call(
        "gemmac", "logits", model, "--ids-file", given, "--scheme", scheme, "--chunk", chunk, "--threads", threads, "-o", made))


def greedy(model, ids, count, scheme=None, chunk=None, threads=None):
    """gemmac run: the ids that follow."""
    with tempfile.TemporaryDirectory() as folder:
        given = write_ids(folder, ids)
        printed = call("gemmac", "run", model, "--ids-file", given, "-n", count, "--temp", 0, "--ignore-eos", "--print", "ids",
                       "--scheme", scheme, "--chunk", chunk, "--threads", threads)
    return [int(word) for word in printed.split()]


def reference(checkpoint, ids, scheme="f32", cache="f32", pieces=None, noise=None, seed=None):
    """The same from the interpreter, on the IR after the quantize stage."""
    return through_files(ids, lambda given, made: call(
        "reference-logits", checkpoint, "--scheme", scheme, "--cache-scheme", cache, "--ids-file", given, "--pieces", pieces,
        "--noise", noise, "--seed", seed, "-o", made))


def through_files(ids, run):
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "logits.npy")
        run(write_ids(folder, ids), made)
        result = np.load(made)
    expect(result.dtype == np.float32 and result.shape[0] == len(ids), f"{result.dtype} {result.shape}: a float32 row for each of {len(ids)} ids")
    return result


def write_ids(folder, ids):
    path = os.path.join(folder, "ids")
    with open(path, "w") as file:
        file.write(" ".join(map(str, ids)))
    return path


def read_safetensors(path):
    """Tensors of floats and ids; bf16 comes as float32."""
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    types = {"F32": np.float32, "I32": np.int32, "BF16": np.uint16}
    tensors = {}
    for name, tensor in json.loads(data[8:8 + size]).items():
        if name != "__metadata__" and tensor["dtype"] in types:
            begin, end = (8 + size + offset for offset in tensor["data_offsets"])
            numbers = np.frombuffer(data[begin:end], types[tensor["dtype"]]).reshape(tensor["shape"])
            tensors[name] = (numbers.astype(np.uint32) << 16).view(np.float32) if tensor["dtype"] == "BF16" else numbers
    return tensors


def recorded_prompts(checkpoint):
    """(ids, logits, greedy continuation) of every prompt that was recorded of a checkpoint."""
    record = read_safetensors(os.path.join(checkpoint, "ref/text.safetensors"))
    prompts = []
    while f"p{len(prompts)}.input_ids" in record:
        name = f"p{len(prompts)}"
        prompts.append((record[name + ".input_ids"].tolist(), record[name + ".logits"], record[name + ".greedy_ids"].tolist()))
    return prompts


def long_text(checkpoint):
    """Ids that a model was recorded with, or those of its held-out text: rings of sliding layers wrap more than once."""
    if os.path.exists(os.path.join(checkpoint, "ref/text.safetensors")):
        ids, _, continuation = recorded_prompts(checkpoint)[-1]
        return ids + continuation
    with open(os.path.join(checkpoint, "held-out.txt"), "rb") as text:
        return [int(word) for word in call("gemmac", "tokenize", checkpoint, given=text.read(2000)).split()][:200]


def size(numbers):
    """Root mean square of each row."""
    return np.sqrt(np.mean(np.square(numbers, dtype=np.float64), axis=-1))


def largest(difference):
    return float(np.abs(difference).max())
