#!/usr/bin/env python3
"""Prompts below, at and above the window, and what follows them, against the interpreter in float32.

    lengths.py CHECKPOINT COMPILED
"""
import sys

import doors

TOLERANCE = 1e-3
WINDOW = 16
STEPS = 20


def main():
    checkpoint, model = sys.argv[1:3]
    text = doors.long_text(checkpoint)
    for length in [1, WINDOW - 1, WINDOW, WINDOW + 1, 40]:
        prompt = text[:length]
        for chunk in [None, 1, 7]:
            continuation = doors.greedy(model, prompt, STEPS, chunk=chunk)
            doors.expect(len(continuation) == STEPS, f"{length} tokens, chunk {chunk}: {len(continuation)} ids follow, not {STEPS}")
            ids = prompt + continuation[:-1]
            wanted = doors.reference(checkpoint, ids)
            difference = doors.largest(doors.logits(model, ids, chunk=chunk) - wanted)
            doors.expect(difference <= TOLERANCE, f"{length} tokens, chunk {chunk}: logits differ by {difference:.2e}")
            for step, chosen in enumerate(continuation):
                row = wanted[length - 1 + step]
                # Two tokens may be equally good.
                doors.expect(row[chosen] >= row.max() - TOLERANCE,
                             f"{length} tokens, chunk {chunk}: step {step} takes {chosen}, but {row.argmax()} is best")
    doors.finish()


if __name__ == "__main__":
    main()
