#!/usr/bin/env python3
"""Compiled programs against what the real implementation was recorded to compute, in float32.

    golden.py CHECKPOINT COMPILED [--few]          --few: one chunk and one number of threads, for an emulated machine
    golden.py CHECKPOINT CHECKPOINT --few          gemmac compiles on its own

Logits of every position are within the tolerance of golden/README.md, greedy continuations are the same ids; and however the prompt is
cut and however many threads run, all bits are the same.
"""
import sys

import doors

TOLERANCE = 1e-3


def main():
    checkpoint, model = sys.argv[1:3]
    few = "--few" in sys.argv
    # A package knows its scheme; a checkpoint has to be told.
    scheme = "f32" if model == checkpoint else None
    worst = 0
    for number, (ids, wanted, continuation) in enumerate(doors.recorded_prompts(checkpoint)):
        first = None
        for chunk in [7] if few else [None, 1, 7, 16, 64]:
            for threads in [2] if few else [1, 2]:
                how = {"scheme": scheme, "chunk": chunk, "threads": threads}
                got = doors.logits(model, ids, **how)
                difference = doors.largest(got - wanted)
                worst = max(worst, difference)
                doors.expect(difference <= TOLERANCE, f"p{number} {how}: logits differ by {difference:.2e}")
                first = got if first is None else first
                doors.expect(got.tobytes() == first.tobytes(), f"p{number} {how}: other bits than with the whole prompt at once")
                chosen = doors.greedy(model, ids, len(continuation), **how)
                doors.expect(chosen == continuation, f"p{number} {how}: goes on with {chosen}, not {continuation}")
    print(f"largest difference of logits {worst:.2e}")
    doors.finish()


if __name__ == "__main__":
    main()
