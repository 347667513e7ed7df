#!/usr/bin/env python3
"""What compiling takes, and what comes out: time, memory and bytes, for checkpoints of any size.

Compiles each twice for this machine: with no compiled kernels at hand, and with those of the first time. Memory is the largest that the compiler and what it starts have at
once, without mapped files, seen every 20 ms.

    benchmarks/compile_cost.py CHECKPOINT... [--folder DIR] [--scheme S] [--context N]
"""
import argparse
import glob
import json
import os
import subprocess
import tempfile
import time

from machine import GEMMAC

LOOK_EVERY_SECONDS = 0.02


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", metavar="CHECKPOINT")
    parser.add_argument("--folder", help="where packages may lie for a while; they are as large as checkpoints")
    parser.add_argument("--scheme", help="how gemmac stores weights (what it chooses)")
    parser.add_argument("--context", type=int, help="positions that the caches hold (what it chooses)")
    parser.add_argument("--gemmac", default=GEMMAC)
    options = parser.parse_args()
    print("| checkpoint | GB | compiled in, s | kernels at hand, s | memory, MB | program, kB | weights, GB | planned to run, MB |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for checkpoint in options.checkpoints:
        print_row(options, checkpoint)


def print_row(options, checkpoint):
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        cold, warm = (compile_once(options, checkpoint, folder) for _ in range(2))
        package = os.path.join(folder, "package")
        with open(os.path.join(package, "manifest.json")) as file:
            planned = json.load(file)["memory"]["generation"]
        weights, = glob.glob(os.path.join(package, "*.weights"))
        program = os.path.getsize(weights.removesuffix(".weights"))
        print(f"| {os.path.basename(checkpoint)} | {size_of(checkpoint) / 1e9:.2f} | {cold[0]:.0f} | {warm[0]:.0f} | {max(cold[1], warm[1]) / 1e6:.0f} "
              f"| {program / 1e3:.0f} | {os.path.getsize(weights) / 1e9:.2f} | {planned / 1e6:.0f} |", flush=True)


def size_of(checkpoint):
    if os.path.isfile(checkpoint):
        return os.path.getsize(checkpoint)
    return sum(os.path.getsize(os.path.join(checkpoint, name)) for name in os.listdir(checkpoint))


def compile_once(options, checkpoint, folder):
    """Seconds, and the peak of anonymous (not file-backed) memory in bytes."""
    words = [options.gemmac, "compile", checkpoint, "--kernel-cache", os.path.join(folder, "kernels"), "-o", os.path.join(folder, "package")]
    for name in ("scheme", "context"):
        if getattr(options, name):
            words += [f"--{name}", str(getattr(options, name))]
    start, most = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=said) as compiler:
        while compiler.poll() is None:
            most = max(most, memory_of(compiler.pid))
            time.sleep(LOOK_EVERY_SECONDS)
        if compiler.returncode:
            said.seek(0)
            raise SystemExit(said.read())
    return time.monotonic() - start, most


def memory_of(process):
    """Of a process and all that it started; what has ended has none."""
    try:
        with open(f"/proc/{process}/status") as file:
            own = sum(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon:"))
        with open(f"/proc/{process}/task/{process}/children") as file:
            return own + sum(memory_of(int(child)) for child in file.read().split())
    except (FileNotFoundError, ProcessLookupError):
        return 0


if __name__ == "__main__":
    main()
