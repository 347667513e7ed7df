#!/usr/bin/env python3
"""Compiled programs against the interpreter on the same stored numbers.

    quantized.py CHECKPOINT COMPILED SCHEME CACHE [--few]      --few: fewer ways to run, for an emulated machine

However a text is cut and however many threads run, all bits are the same. Against the interpreter, sums of floats have another order: logits differ by about
1e-6 of their size, as bf16 weights with f32 caches show, as long as nothing is rounded to fewer bits on the way. Where a number is (activations to int8 in
steps of 1/127 of their block's largest, keys and values to float16), one that stands just between two steps may go to the other one, and then this token and those that look
back at it differ by what the step is worth in this model: much in random ones, where it changes the experts of a token, little in trained ones. So there are two bounds:

- Over a long text, root mean square: the difference is what the interpreter itself shows when its norms are off by 2e-7, which on bf16 with f32 caches is the
  effect of another order, and no more than three times that (measured: 0.3 to 1.7 times; a number that falls early moves all that follows). To int8 numbers of a
  cache, attention rounds queries and weights to 15 bits: 1e-5 instead.
- Over many short texts, for quantized weights: a row in which no number fell to the other side agrees like floats, within 2e-6 of the logits' size. Measured are 23
  to 48 of 48; a fourth must be, where other CPUs add up in other orders. A mistake in a kernel, a scale or a layout leaves none.
"""
import sys

import doors
import numpy as np

NOISE, ROUNDED_NOISE, SEEDS, SLACK = 2e-7, 1e-5, 6, 3
ROUNDING, LARGEST = 2e-6, 1e-3
PIECE, PIECES = 3, 16


def main():
    checkpoint, model, scheme, cache = sys.argv[1:5]
    few = "--few" in sys.argv
    text = doors.long_text(checkpoint)
    got = expect_same_bits(model, text, few)
    expect_best_tokens(model, text)

    wanted = doors.reference(checkpoint, text, scheme, cache)
    if scheme in ("f32", "bf16") and cache == "f32":
        difference = doors.largest(got - wanted)
        print(f"largest difference {difference:.2e}")
        doors.expect(difference <= LARGEST, f"nothing is rounded on the way, but logits differ by {difference:.2e}")
    else:
        expect_like_noise(checkpoint, text, scheme, cache, got, wanted)
    if scheme in ("q8_0", "q4_0"):
        expect_exact_rows(checkpoint, model, text, scheme, cache)
    doors.finish()


def expect_same_bits(model, text, few):
    whole = doors.logits(model, text)
    for chunk, threads in [(7, 1)] if few else [(1, 1), (1, 2), (7, 1), (7, 2), (16, 2), (64, 1), (64, 2)]:
        again = doors.logits(model, text, chunk=chunk, threads=threads)
        rows = np.flatnonzero((again != whole).any(axis=1))
        doors.expect(again.tobytes() == whole.tobytes(), f"chunk {chunk}, threads {threads}: rows {rows[:8]} have other bits")
    return whole


def expect_best_tokens(model, text):
    """Prefill and decode, whose kernels are others, choose the tokens that score finds best."""
    prompt, steps = text[:20], 24
    for threads in [1, 2]:
        continuation = doors.greedy(model, prompt, steps, chunk=16, threads=threads)
        best = doors.logits(model, prompt + continuation[:-1])[len(prompt) - 1:].argmax(axis=1).tolist()
        doors.expect(continuation == best, f"threads {threads}: decode chooses {continuation}, score {best}")


def expect_like_noise(checkpoint, text, scheme, cache, got, wanted):
    noise = ROUNDED_NOISE if cache == "q8_0" else NOISE
    noisy = [doors.reference(checkpoint, text, scheme, cache, noise=noise, seed=seed) for seed in range(1, SEEDS + 1)]
    of_all = doors.size(wanted.ravel())
    difference = doors.size((got - wanted).ravel()) / of_all
    noise = max(doors.size((other - wanted).ravel()) / of_all for other in noisy)
    print(f"difference {difference:.2e} of the logits' size; rounding elsewhere makes {noise:.2e}")
    doors.expect(difference <= SLACK * noise, f"logits differ by {difference:.2e} of their size, but rounding elsewhere makes {noise:.2e} only")


def expect_exact_rows(checkpoint, model, text, scheme, cache):
    text = text[:PIECE * PIECES]
    wanted = doors.reference(checkpoint, text, scheme, cache, pieces=PIECE)
    got = np.concatenate([doors.logits(model, text[first:first + PIECE]) for first in range(0, len(text), PIECE)])
    exact = int((doors.size(got - wanted) <= ROUNDING * doors.size(wanted.ravel())).sum())
    print(f"{exact} of {len(text)} rows agree like floats")
    doors.expect(exact >= len(text) / 4, f"only {exact} of {len(text)} rows agree like floats")


if __name__ == "__main__":
    main()
