#!/usr/bin/env python3
"""Milliseconds a token at several depths of one compiled model: a process for each depth fills its caches once, then they generate in turns.

    benchmarks/depth_speed.py MODEL [--depths 1,4096,32768] [--turns 14] [--generate 16] [--threads N]
"""
import argparse
import glob
import json
import os
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a compiled model's directory, with room for the deepest")
    parser.add_argument("--depths", type=lambda words: [int(word) for word in words.split(",")], default=[1, 4096, 32768])
    parser.add_argument("--turns", type=int, default=14)
    parser.add_argument("--generate", type=int, default=16, help="tokens of a turn")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    weights, = glob.glob(os.path.join(options.model, "*.weights"))
    words = [weights.removesuffix(".weights"), "--bench", "--threads", str(options.threads)]
    programs = {depth: subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for depth in options.depths}
    for depth, program in programs.items():
        seconds(program, f"prompt {depth}")
    times = {depth: [] for depth in programs}
    for _ in range(options.turns):
        for depth, program in programs.items():
            times[depth].append(seconds(program, f"generate {options.generate}") / options.generate * 1e3)
    print("| depth | median, ms a token | best, ms a token |\n|---|---|---|")
    for depth, all_times in times.items():
        print(f"| {depth} | {statistics.median(all_times):.1f} | {min(all_times):.1f} |")
    for program in programs.values():
        program.stdin.close()
        program.wait()


def seconds(program, command):
    program.stdin.write(command + "\n")
    program.stdin.flush()
    answer = json.loads(program.stdout.readline())
    if "error" in answer:
        raise SystemExit(f"{command}: {answer['error']}")
    return answer["nanoseconds"] * 1e-9


if __name__ == "__main__":
    main()
