"""The engines beside which compare.py measures gemmac. Each has `turn()`: tokens a second of the tests, and how much other processes disturbed it."""
import json
import os
import subprocess
import sys
import tempfile
import time

from machine import ROOT, cpu_times, disturbance

# llama.cpp's threads spin for a while when they have nothing to do.
CALM_SECONDS = 0.5


class LlamaCpp:
    """llama.cpp in a process of its own, which sleeps while others run; with --apart it ends after its turn."""

    def __init__(self, options):
        self.options = options
        self.process = None

    def start(self):
        options = self.options
        context = max(options.depth + options.prompt, max(options.depth, 1) + options.generate)
        words = [options.llama_python, os.path.join(ROOT, "benchmarks/llama_speed.py"), options.gguf, str(context), str(options.threads)]
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True)

    def end(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None

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

    def turn(self):
        if not self.process:
            self.start()
            if self.options.apart:
                self.measure()  # warms up; otherwise the first round does
        measured = self.measure()
        if self.options.apart:
            self.end()
        return measured

    def measure(self):
        speeds, disturbed = {}, 0.0
        options = self.options
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


class IkLlamaCpp:
    """ik_llama.cpp, built by the user: a run of its llama-bench is a turn. Weights are repacked when they are loaded (-rtr), which is its fastest way on CPUs."""

    def __init__(self, options):
        self.words = [bench_in(options.peer_dir), *bench_words(options)]

    def end(self):
        pass

    def turn(self):
        before = cpu_times()
        done = subprocess.run(self.words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        disturbed = disturbance(before, cpu_times())
        if done.returncode:
            sys.exit(f"'{' '.join(self.words)}' ended with {done.returncode}:\n" + done.stderr.decode(errors="replace")[-2000:])
        return {"disturbed": disturbed, "tokens_per_second": speeds_said(done.stdout.decode(errors="replace"))}


def bench_in(folder):
    """llama-bench of a build; None if there is none."""
    for place in ("", "bin", "build/bin"):
        path = os.path.join(folder, place, "llama-bench")
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def bench_words(options):
    """What ik_llama.cpp's llama-bench is told. The first of two repetitions warms up: by itself it does so with one token only."""
    words = ["-m", options.gguf, "-t", options.threads, "-p", options.prompt, "-r", 2, "-o", "json", "-fa", 1, "-rtr", 1]
    words += ["-n", 0, "-gp", f"{options.depth},{options.generate}"] if options.depth else ["-n", options.generate]
    return [str(word) for word in words] + options.peer_options.split()


def speeds_said(text):
    """Tokens a second of the last repetitions that llama-bench printed as JSON."""
    try:
        tests = json.loads(text[text.index("["):])
        return {"decode" if test["n_gen"] else "prefill": test["samples_ts"][-1] for test in tests}
    except (ValueError, KeyError, IndexError, TypeError):
        sys.exit("llama-bench printed no tests as JSON, but:\n" + text[-2000:])


PEERS = {"llama.cpp": LlamaCpp, "ik_llama.cpp": IkLlamaCpp}
