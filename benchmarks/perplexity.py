#!/usr/bin/env python3
"""Perplexity of a model on a text, per scheme, computed by compiled programs.

The text is cut into windows of tokens, each preceded by <bos>; every token of a window is predicted from those before it in the window. The defaults are the example
model, the part of its text that it was not trained on, and the windows of its reference: mean loss 4.45159, perplexity 85.76 in float32.

    benchmarks/perplexity.py [--model DIR] [--text FILE] [--windows 40] [--window 256] [--cache-scheme SCHEME]
                             [--schemes f32 bf16 q8_0 layers=q4_k,head=q6_k ...]
"""
import argparse
import os
import subprocess
import tempfile

import numpy as np

from machine import GEMMAC, ROOT

BOS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gemmac", default=GEMMAC)
    parser.add_argument("--model", default=os.path.join(ROOT, "examples/bard-e2b"))
    parser.add_argument("--text", default=os.path.join(ROOT, "examples/bard-e2b/held-out.txt"))
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--schemes", nargs="+", default=["f32", "bf16", "q8_0", "q4_0"], help="of weights, or mixes, as of gemmac compile")
    parser.add_argument("--cache-scheme", help="of keys and values, as of gemmac compile")
    options = parser.parse_args()

    windows = read_windows(options.gemmac, options.model, options.text, options.windows, options.window)
    print(f"{len(windows)} windows of {options.window} tokens predicted")

    print("| scheme | mean loss | perplexity |\n|---|---|---|")
    for scheme in options.schemes:
        loss = np.mean([window_loss(options, scheme, window) for window in windows])
        print(f"| {scheme} | {loss:.5f} | {np.exp(loss):.2f} |", flush=True)


def read_windows(gemmac, model, text, count, size):
    """The first whole windows of a text, as ids."""
    with open(text, "rb") as file:
        output = subprocess.run([gemmac, "tokenize", model, "--no-bos"], stdin=file, check=True, capture_output=True).stdout
    ids = [int(word) for word in output.split()]
    return [ids[first:first + size] for first in range(0, len(ids) - size + 1, size)][:count]


def window_loss(options, scheme, window):
    with tempfile.TemporaryDirectory() as folder:
        ids_file, logits_file = os.path.join(folder, "ids"), os.path.join(folder, "logits.npy")
        with open(ids_file, "w") as file:
            file.write(" ".join(map(str, [BOS] + window)))
        subprocess.run([options.gemmac, "logits", options.model, "--ids-file", ids_file, "--scheme", scheme, "-o", logits_file]
                       + (["--cache-scheme", options.cache_scheme] if options.cache_scheme else []), check=True, capture_output=True)
        return loss(np.load(logits_file), window)


def loss(logits, window):
    """Mean loss over one window, from the logits of <bos> and all of its tokens."""
    logits = logits.astype(np.float64)[:-1]
    top = logits.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return np.mean(log_sum - logits[np.arange(len(window)), window])


if __name__ == "__main__":
    main()
