#!/usr/bin/env python3
"""benchmarks/perplexity.py on few windows: float32 is what the interpreter computes, the schemes cost what they cost.

    loss.py BENCHMARK CHECKPOINT
"""
import os
import subprocess
import sys

import doors
import numpy as np

WINDOWS = 4
# Measured on these windows: bf16 0, q8_0 0.0003, q4_0 0.016.
MOST = {"bf16": 0.002, "q8_0": 0.005, "q4_0": 0.05}


def main():
    path, checkpoint = sys.argv[1:3]
    sys.path.insert(0, os.path.dirname(path))
    import perplexity

    gemmac = os.path.join(doors.BIN, "gemmac")
    schemes = ["f32", *MOST]
    printed = subprocess.run([sys.executable, path, "--gemmac", gemmac, "--model", checkpoint, "--windows", str(WINDOWS), "--schemes", *schemes],
                             check=True, capture_output=True, text=True, env=doors.ENVIRONMENT).stdout
    print(printed)
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in printed.splitlines() if line.startswith("|")]
    losses = {row[0]: float(row[1]) for row in rows if row[0] in schemes}

    windows = perplexity.read_windows(gemmac, checkpoint, os.path.join(checkpoint, "held-out.txt"), WINDOWS, 256)
    wanted = np.mean([perplexity.loss(doors.reference(checkpoint, [perplexity.BOS] + window), window) for window in windows])
    print(f"the interpreter: {wanted:.6f}")
    doors.expect(abs(losses["f32"] - wanted) <= 1e-5, f"mean loss {losses['f32']}, but the interpreter's is {wanted:.6f}")
    for scheme, most in MOST.items():
        doors.expect(abs(losses[scheme] - losses["f32"]) <= most, f"{scheme}: mean loss {losses[scheme]}, more than {most} from float32's")
    doors.finish()


if __name__ == "__main__":
    main()
