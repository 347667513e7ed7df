#!/usr/bin/env python3
"""Megabytes a second of text to ids, on one thread: gemmac, llama.cpp and Hugging Face's tokenizers, in turns, on one vocabulary and one text, on which all must agree.

    pip install llama-cpp-python tokenizers
    ninja -C build gemmac tokenizer-speed
    benchmarks/tokenizer_speed.py VOCABULARY.gguf [--text FILE] [--rounds 5]

The vocabulary is one with merges, as Gemma 4 has it: Hugging Face's tokenizer.json is made of it.
"""
import argparse
import ctypes
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import llama_cpp
import tokenizers

RUNS = 5  # of which a round takes the best, as TokenizerSpeed.cpp does
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vocabulary")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--text", default=os.path.join(ROOT, "examples/bard-e2b/held-out.txt"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with open(options.text, "rb") as file:
        text = file.read()

    encoders = {"gemmac": Gemmac(options), "llama.cpp": LlamaCpp(options.vocabulary), "Hugging Face": HuggingFace(options.vocabulary)}
    ids = {name: encoder.ids(text) for name, encoder in encoders.items()}
    if any(other != ids["gemmac"] for other in ids.values()):
        sys.exit("the tokenizers differ on this text")
    speeds = {name: [] for name in encoders}
    for _ in range(options.rounds):
        for name, encoder in encoders.items():
            speeds[name].append(len(text) / encoder.best_seconds(text) / 1e6)
    print(f"{len(text)} bytes, {len(ids['gemmac'])} ids, the same from all; medians of {options.rounds} rounds\n")
    print("| tokenizer | MB/s | gemmac is faster by |\n|---|---|---|")
    median = {name: statistics.median(all_speeds) for name, all_speeds in speeds.items()}
    for name, speed in median.items():
        print(f"| {name} | {speed:.2f} | {median['gemmac'] / speed:.1f} |")


class Gemmac:
    """Its encoder takes the time itself, without the start of a program: the best of RUNS."""

    def __init__(self, options):
        self.options = options

    def ids(self, text):
        words = [os.path.join(self.options.build, "bin/gemmac"), "tokenize", self.options.vocabulary, "--no-bos"]
        return [int(word) for word in subprocess.run(words, input=text, check=True, stdout=subprocess.PIPE).stdout.split()]

    def best_seconds(self, text):
        words = [os.path.join(self.options.build, "bin/tokenizer-speed"), self.options.vocabulary, self.options.text]
        output = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        return len(text) / 1e6 / float(re.search(r"ids: ([0-9.]+) MB/s", output).group(1))


class LlamaCpp:
    def __init__(self, vocabulary):
        llama_cpp.llama_log_set(silence, ctypes.c_void_p(0))
        parameters = llama_cpp.llama_model_default_params()
        parameters.vocab_only = True
        self.model = llama_cpp.llama_model_load_from_file(vocabulary.encode(), parameters)
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)

    def encode(self, text):
        ids = (llama_cpp.llama_token * len(text))()
        begin = time.perf_counter()
        count = llama_cpp.llama_tokenize(self.vocabulary, text, len(text), ids, len(ids), False, True)
        return time.perf_counter() - begin, ids[:count]

    def ids(self, text):
        return self.encode(text)[1]

    def best_seconds(self, text):
        return min(self.encode(text)[0] for _ in range(RUNS))


@llama_cpp.llama_log_callback
def silence(level, text, data):
    pass


class HuggingFace:
    def __init__(self, vocabulary):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "tokenizer.json")
            subprocess.run([sys.executable, os.path.join(ROOT, "test/runtime/tokenizer/vocab_json.py"), vocabulary, file], check=True)
            self.tokenizer = tokenizers.Tokenizer.from_file(file)

    def encode(self, text):
        text = text.decode()
        begin = time.perf_counter()
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        return time.perf_counter() - begin, encoding.ids

    def ids(self, text):
        return self.encode(text)[1]

    def best_seconds(self, text):
        return min(self.encode(text)[0] for _ in range(RUNS))


if __name__ == "__main__":
    main()
