#!/usr/bin/env python3
"""Milliseconds a token at several depths of compiled models, and memory: a process for each model and depth fills its caches once, then they generate in turns.

    benchmarks/depth_speed.py MODEL... [--depths 1,4096,32768] [--turns 14] [--generate 16] [--threads N]

`memory` is anonymous memory (RssAnon) after the last turn, `planned` what the manifest says that prompts and generation touch with a full context.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", metavar="MODEL", nargs="+", help="a compiled model's directory, with room for the deepest")
    parser.add_argument("--depths", type=lambda words: [int(word) for word in words.split(",")], default=[1, 4096, 32768])
    parser.add_argument("--turns", type=int, default=14)
    parser.add_argument("--generate", type=int, default=16, help="tokens of a turn")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    programs = {(model, depth): start(model, options.threads) for model in options.models for depth in options.depths}
    for (model, depth), program in programs.items():
        seconds(program, f"prompt {depth}")
    times = {place: [] for place in programs}
    for _ in range(options.turns):
        for place, program in programs.items():
            times[place].append(seconds(program, f"generate {options.generate}") / options.generate * 1e3)
    print("| model | depth | median, ms a token | best, ms a token | memory, MB | planned, MB |\n|---|---|---|---|---|---|")
    for (model, depth), program in programs.items():
        of_all = times[model, depth]
        with open(os.path.join(model, "manifest.json")) as file:
            planned = planned_bytes(json.load(file)["memory"], options.threads)
        print(f"| {os.path.basename(os.path.normpath(model))} | {depth} | {statistics.median(of_all):.1f} | {min(of_all):.1f} "
              f"| {anonymous_bytes(program.pid) * 1e-6:.1f} | {planned * 1e-6:.1f} |")
    for program in programs.values():
        program.stdin.close()
        program.wait()


def start(model, threads):
    weights, = glob.glob(os.path.join(model, "*.weights"))
    words = [weights.removesuffix(".weights"), "--bench", "--threads", str(threads)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def planned_bytes(memory, threads):
    return memory["generation"] + (threads - 1) * memory["thread"]


def anonymous_bytes(process):
    with open(f"/proc/{process}/status") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon:"))


def seconds(program, command):
    program.stdin.write(command + "\n")
    program.stdin.flush()
    answer = json.loads(program.stdout.readline())
    if "error" in answer:
        raise SystemExit(f"{command}: {answer['error']}")
    return answer["nanoseconds"] * 1e-9


if __name__ == "__main__":
    main()
