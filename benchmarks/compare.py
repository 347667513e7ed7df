#!/usr/bin/env python3
"""gemmac and llama.cpp on the same GGUF file, in alternation in one run.

Compiles the file for this machine into the user's cache, then measures a prompt and generation with each of the two in turn, round after round. Ratios are quotients of the
medians of tokens/s: above 1, gemmac is faster. What the machine reads and multiplies in a second is measured before and after each turn of gemmac.

llama.cpp comes from PyPI, built for this machine:

    python3 -m venv llama && CMAKE_ARGS=-DGGML_NATIVE=ON llama/bin/pip install --no-binary llama-cpp-python llama-cpp-python

    benchmarks/compare.py --gguf FILE [--prompt 512] [--generate 64] [--depth 0] [--threads N] [--scheme S] [--rounds 5] [--apart] [--json OUT] [--llama-python llama/bin/python]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from machine import DISTURBED, GEMMAC, ROOT, cpu_name, cpu_times, disturbance

# llama.cpp's threads spin for a while when they have nothing to do.
CALM_SECONDS = 0.5


def main():
    options = read_options()
    llama = None if options.apart else Llama(options)
    try:
        rounds = [one_round(options, llama, number) for number in range(options.rounds + 1)]
    finally:
        if llama:
            llama.end()
    result = summary(options, rounds[1:])  # the first one compiles and warms up
    print_table(result)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gguf", required=True, help="the file that both run")
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
    if options.rounds < 1 or options.tries < 1 or min(options.prompt, options.generate, options.depth) < 0:
        parser.error("rounds and tries are at least 1, tokens at least 0")
    return options


def one_round(options, llama, number):
    print(f"round {number} of {options.rounds}" if number else "compiling, warming up", file=sys.stderr, flush=True)
    gemmac = undisturbed(options, lambda: gemmac_turn(options))
    if llama:
        return {"gemmac": gemmac, "llama": undisturbed(options, lambda: llama.turn(options))}
    if not number:
        return None  # a process that starts anew warms up in its own round
    llama = Llama(options)
    try:
        llama.turn(options)
        return {"gemmac": gemmac, "llama": undisturbed(options, lambda: llama.turn(options))}
    finally:
        llama.end()


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


class Llama:
    """llama.cpp in a process of its own, which sleeps while gemmac runs."""

    def __init__(self, options):
        context = max(options.depth + options.prompt, max(options.depth, 1) + options.generate)
        words = [options.llama_python, os.path.join(ROOT, "benchmarks/llama_speed.py"), options.gguf, str(context), str(options.threads)]
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True)

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, command):
        """Seconds that a command took."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.said.seek(0)
            sys.exit(f"llama.cpp ended at '{command}':\n" + self.said.read().decode(errors="replace")[-2000:])
        return json.loads(answer)["nanoseconds"] * 1e-9

    def turn(self, options):
        speeds, disturbed = {}, 0.0
        for name, command, tokens, depth in (("prefill", "prompt", options.prompt, options.depth),
                                             ("decode", "generate", options.generate, max(options.depth, 1))):
            if tokens == 0:
                continue
            self.ask(f"fill {depth}")
            before = cpu_times(self.process.pid)
            speeds[name] = tokens / self.ask(f"{command} {tokens}")
            disturbed = max(disturbed, disturbance(before, cpu_times(self.process.pid)))
        time.sleep(CALM_SECONDS)
        return {"disturbed": disturbed, "tokens_per_second": speeds}


def summary(options, rounds):
    result = {"file": os.path.basename(options.gguf), "scheme": rounds[0]["gemmac"]["scheme"], "cpu": cpu_name(), "threads": options.threads,
              "prompt": options.prompt, "generate": options.generate, "depth": options.depth}
    limits = machine_limits(rounds)
    for name in rounds[0]["llama"]["tokens_per_second"]:
        ours, theirs = (statistics.median(turn[who]["tokens_per_second"][name] for turn in rounds) for who in ("gemmac", "llama"))
        test = rounds[0]["gemmac"]["tests"][name]
        result[f"{name}_ratio"] = ours / theirs
        result[name] = {"gemmac": ours, "llama": theirs}
        for what, seconds in (("of_bandwidth", test["bytes_per_token"] / limits["bytes_per_second"]),
                              ("of_peak", test["integer_products_per_token"] / limits["integer_products_per_second"]
                               + test["float_products_per_token"] / limits["float_products_per_second"])):
            result[name] |= {f"gemmac_{what}": ours * seconds, f"llama_{what}": theirs * seconds}
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
    print("\n| test | gemmac, tokens/s | llama.cpp, tokens/s | ratio | gemmac of bandwidth, of peak | llama.cpp |\n|---|---|---|---|---|---|")
    for name, test in (("prefill", f"pp{result['prompt']}"), ("decode", f"tg{result['generate']}")):
        if name in result:
            row = result[name]
            reached = [f"{100 * row[f'{who}_of_bandwidth']:.0f} %, {100 * row[f'{who}_of_peak']:.0f} %" for who in ("gemmac", "llama")]
            print(f"| {test} at {result['depth']} | {row['gemmac']:.2f} | {row['llama']:.2f} | {result[f'{name}_ratio']:.2f} | {reached[0]} | {reached[1]} |")


if __name__ == "__main__":
    main()
