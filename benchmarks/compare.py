#!/usr/bin/env python3
"""gemmac and other engines on the same GGUF file, in alternation in one run.

Compiles the file for this machine into the user's cache, then measures a prompt and generation with each in turn, round after round. Ratios are quotients of the
medians of tokens/s: above 1, gemmac is faster. What the machine reads and multiplies in a second is measured before and after each turn of gemmac.

llama.cpp comes from PyPI, built for this machine:

    python3 -m venv llama && CMAKE_ARGS=-DGGML_NATIVE=ON llama/bin/pip install --no-binary llama-cpp-python llama-cpp-python

ik_llama.cpp is a folder in which its llama-bench was built:

    cmake -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON && cmake --build build --target llama-bench

    benchmarks/compare.py --gguf FILE [--peer llama.cpp] [--peer ik_llama.cpp --peer-dir DIR] [--prompt 512] [--generate 64] [--depth 0] [--threads N] [--scheme S] [--rounds 5]
                          [--apart] [--json OUT] [--llama-python llama/bin/python]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from machine import DISTURBED, GEMMAC, cpu_name
from peers import PEERS, bench_in


def main():
    options = read_options()
    peers = {name: PEERS[name](options) for name in options.peer}
    try:
        rounds = [one_round(options, peers, number) for number in range(options.rounds + 1)]
    finally:
        for peer in peers.values():
            peer.end()
    result = summary(options, rounds[1:])  # the first one compiles and warms up
    print_table(result)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True, help="the file that all run")
    parser.add_argument("--peer", action="append", choices=PEERS, help="engine to compare with; may be given for each (llama.cpp)")
    parser.add_argument("--peer-dir", help="where ik_llama.cpp was built")
    parser.add_argument("--peer-options", default="", help="further words for its llama-bench")
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt; 0: none is measured")
    parser.add_argument("--generate", type=int, default=64, help="tokens to generate; 0: none are")
    parser.add_argument("--depth", type=int, default=0, help="tokens that are there before")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--scheme", help="how gemmac stores weights (what it chooses)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--apart", action="store_true", help="llama.cpp ends before gemmac starts: for models of which the memory holds one")
    parser.add_argument("--tries", type=int, default=3, help="of a turn that other processes disturb")
    parser.add_argument("--json", metavar="OUT", help="file for all figures")
    parser.add_argument("--gemmac", default=GEMMAC)
    parser.add_argument("--llama-python", default=sys.executable, help="a Python that has llama-cpp-python")
    options = parser.parse_args()
    options.peer = list(dict.fromkeys(options.peer or ["llama.cpp"]))
    if options.rounds < 1 or options.tries < 1 or min(options.prompt, options.generate, options.depth) < 0:
        parser.error("rounds and tries are at least 1, tokens at least 0")
    if options.prompt == options.generate == 0:
        parser.error("there is nothing to measure: neither --prompt nor --generate")
    if "ik_llama.cpp" in options.peer:
        if not options.peer_dir:
            parser.error("ik_llama.cpp is no package: say with --peer-dir where you have built it")
        if not bench_in(options.peer_dir):
            parser.error(f"there is no llama-bench in '{options.peer_dir}', its bin or its build/bin")
        if options.depth and options.prompt:
            parser.error("ik_llama.cpp's llama-bench has no prompts at a depth: --prompt 0 measures generation there")
    return options


def one_round(options, peers, number):
    print(f"round {number} of {options.rounds}" if number else "compiling, warming up", file=sys.stderr, flush=True)
    measured = {"gemmac": undisturbed(options, lambda: gemmac_turn(options))}
    for name, peer in peers.items():
        # A process that starts anew for every turn warms up in it.
        if number or not options.apart:
            measured[name] = undisturbed(options, peer.turn)
    return measured


def undisturbed(options, turn):
    """The calmest of some tries; the first that is calm enough."""
    best = None
    for _ in range(options.tries):
        measured = turn()
        if best is None or measured["disturbed"] < best["disturbed"]:
            best = measured
        if best["disturbed"] <= DISTURBED:
            break
    return best


def gemmac_turn(options):
    words = [options.gemmac, "bench", options.gguf, "--format", "json", "--repetitions", 1, "--prompt", options.prompt,
             "--generate", options.generate, "--depth", options.depth, "--threads", options.threads]
    if options.scheme:
        words += ["--scheme", options.scheme]
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.returncode)  # it has said why
    report = json.loads(done.stdout)
    tests = {"prefill" if test["test"].startswith("pp") else "decode": test for test in report["tests"]}
    return {"disturbed": max((test["disturbed"] for test in report["tests"]), default=0),
            "tokens_per_second": {name: test["tokens_per_second"] for name, test in tests.items()}, "tests": tests,
            **{key: report[key] for key in ("scheme", "cache_scheme", "machine", "planned_bytes", "dirty_bytes")}}


def summary(options, rounds):
    """`prefill_ratio` and `decode_ratio` are beside the fastest peer; parts of bandwidth and peak are of what gemmac reads and multiplies for a token."""
    result = {"file": os.path.basename(options.gguf), "scheme": rounds[0]["gemmac"]["scheme"], "peers": options.peer, "peer_options": options.peer_options,
              "cpu": cpu_name(), "threads": options.threads, "prompt": options.prompt, "generate": options.generate, "depth": options.depth}
    limits = machine_limits(rounds)
    for name, test in rounds[0]["gemmac"]["tests"].items():
        speeds = {who: statistics.median(turn[who]["tokens_per_second"][name] for turn in rounds) for who in rounds[0]}
        by_memory = test["bytes_per_token"] / limits["bytes_per_second"]
        by_products = (test["integer_products_per_token"] / limits["integer_products_per_second"]
                       + test["float_products_per_token"] / limits["float_products_per_second"])
        result[f"{name}_ratio"] = speeds["gemmac"] / max(speeds[peer] for peer in options.peer)
        result[name] = {who: {"tokens_per_second": speed, "gemmac_is_faster": speeds["gemmac"] / speed, "of_bandwidth": speed * by_memory, "of_peak": speed * by_products}
                        for who, speed in speeds.items()}
        result[name] |= {key: test[key] for key in ("bytes_per_token", "integer_products_per_token", "float_products_per_token")}
    worst = max(turn[who]["disturbed"] for turn in rounds for who in turn)
    return result | {"machine": limits, "disturbed": worst, "rounds": rounds}


def machine_limits(rounds):
    """Medians over all probes, with all threads."""
    probes = [turn["gemmac"]["machine"][when] for turn in rounds for when in ("before", "after")]
    return {"bytes_per_second": statistics.median(probe["bytes_per_second"][-1] for probe in probes)} | {
        name: statistics.median(probe[name] for probe in probes) for name in ("integer_products_per_second", "float_products_per_second")}


def print_table(result):
    limits = result["machine"]
    print(f"{result['file']}, gemmac's scheme {result['scheme']}, {result['threads']} threads of {result['cpu']}, {time.strftime('%Y-%m-%d')}; medians of {len(result['rounds'])} rounds")
    print(f"machine: reads {limits['bytes_per_second'] / 1e9:.1f} GB/s, multiplies {limits['integer_products_per_second'] / 1e9:.0f} G 8-bit and "
          f"{limits['float_products_per_second'] / 1e9:.0f} G float32 numbers a second")
    if result["disturbed"] > DISTURBED:
        print(f"other processes took up to {100 * result['disturbed']:.1f} % of the CPUs: these figures are doubtful")
    print("\n| test | engine | tokens/s | gemmac is faster by | of bandwidth | of peak |\n|---|---|---|---|---|---|")
    for name, test in (("prefill", f"pp{result['prompt']}"), ("decode", f"tg{result['generate']}")):
        if name not in result:
            continue
        for who in ["gemmac", *result["peers"]]:
            row = result[name][who]
            first, ratio = (f"{test} at {result['depth']}", "") if who == "gemmac" else ("", f"{row['gemmac_is_faster']:.2f}")
            print(f"| {first} | {who} | {row['tokens_per_second']:.2f} | {ratio} | {100 * row['of_bandwidth']:.0f} % | {100 * row['of_peak']:.0f} % |")


if __name__ == "__main__":
    main()
