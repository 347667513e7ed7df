#!/usr/bin/env python3
"""From the start of a compiled program to its first token, beside the time of reading the weights that this touches once.

Both are measured with the weights on the disk and with the weights in the page cache, in alternation; medians, and their quotients. What is touched are all tensors but
tables of which a token looks up a row, and of experts as many as tokens can choose. Reading is done in large pieces, in the order of the file.

    benchmarks/coldstart.py MODEL [--tokens 16] [--threads N] [--rounds 5]
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import time

from machine import GEMMAC

PIECE = 8 << 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a compiled model's directory")
    parser.add_argument("--tokens", type=int, default=16, help="of the prompt")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gemmac", default=GEMMAC)
    options = parser.parse_args()
    weights, = glob.glob(os.path.join(options.model, "*.weights"))
    ranges = touched(options, weights)
    print(f"{sum(end - begin for begin, end in ranges) / 1e6:.0f} MB of {os.path.getsize(weights) / 1e6:.0f} MB are touched")
    print("| weights | reading, s | start to first token, s | quotient |\n|---|---|---|---|")
    times = {"on the disk": [], "in the page cache": []}
    for _ in range(options.rounds):
        for where, measured in times.items():
            turns = []
            for action in (lambda: read(weights, ranges), lambda: first_token(options, weights)):
                if where == "on the disk":
                    forget(weights)
                turns.append(action())
            measured.append(turns)
    for where, measured in times.items():
        reading, starting = (statistics.median(column) for column in zip(*measured))
        print(f"| {where} | {reading:.3f} | {starting:.3f} | {starting / reading:.2f} |")


def touched(options, weights):
    """Ranges of the file that a prompt of so many tokens reads, neighbours together."""
    package = json.loads(subprocess.run([options.gemmac, "inspect", weights, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    with open(os.path.join(options.model, "manifest.json")) as file:
        choices = max(call.get("choices", 0) for phase in json.load(file)["phases"] for call in phase["calls"])
    begin = package["bytes"]["package"] - package["bytes"]["weights"]
    ranges = []
    for tensor in package["tensors"]:
        part = min(1, options.tokens * choices / tensor["experts"]) if tensor["experts"] else tensor["layout"] != "rows"
        for plane in tensor["planes"]:
            if part:
                ranges.append((begin + plane["offset"], begin + plane["offset"] + int(plane["bytes"] * part)))
    joined = []
    for first, last in sorted(ranges):
        if joined and first - joined[-1][1] < 4096:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined


def forget(path):
    """Has the system drop the file's pages."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(path, ranges):
    buffer = memoryview(bytearray(PIECE))
    with open(path, "rb", buffering=0) as file:
        start = time.monotonic()
        for begin, end in ranges:
            for at in range(begin, end, PIECE):
                os.preadv(file.fileno(), [buffer[:min(PIECE, end - at)]], at)
        return time.monotonic() - start


def first_token(options, weights):
    ids = " ".join(str(2 + 10 * token) for token in range(options.tokens))
    words = [weights.removesuffix(".weights"), "--ids-file", "-", "-n", "1", "--temp", "0", "--ignore-eos", "--print", "ids", "--threads", str(options.threads)]
    start = time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdin.write(ids.encode())
        program.stdin.close()
        program.stdout.read(1)
        return time.monotonic() - start


if __name__ == "__main__":
    main()
