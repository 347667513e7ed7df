"""benchmarks/compare.py with engines that only say what they were told: whose turn it is, what comes out of the figures, and what is refused."""
import json
import subprocess
import sys
import unittest

from gemmac_tool import SOURCE, ToolTest

# Each appends its words to the log, and is faster from turn to turn.
ENGINE = """#!{python}
import json, sys
with open("{log}", "a") as file:
    file.write(json.dumps(["{name}", *sys.argv[1:]]) + "\\n")
with open("{log}") as file:
    turn = sum(json.loads(line)[0] == "{name}" for line in file) - 1
"""
GEMMAC = ENGINE + """
words = sys.argv[3:]
asked = {{words[i][2:]: words[i + 1] for i in range(0, len(words), 2)}}
limits = {{"bytes_per_second": [10e9, 20e9], "integer_products_per_second": 100e9, "float_products_per_second": 50e9}}
tests = [{{"test": kind + asked[word], "tokens_per_second": speed + turn, "disturbed": 0, "bytes_per_token": 1e9, "integer_products_per_token": 4e8,
           "float_products_per_token": 1e8}} for kind, word, speed in (("pp", "prompt", 100), ("tg", "generate", 12)) if int(asked[word])]
print(json.dumps({{"tests": tests, "scheme": "file", "cache_scheme": "f16", "planned_bytes": 1, "dirty_bytes": 1, "machine": {{"before": limits, "after": limits}}}}))
"""
LLAMA_BENCH = ENGINE + """
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print("loading")
tests = []
if int(words["-p"]):
    tests.append({{"n_prompt": int(words["-p"]), "n_gen": 0, "samples_ts": [1.0, 50.0 + turn]}})
if "-gp" in words:
    prompt, generate = words["-gp"].split(",")
    tests.append({{"n_prompt": int(prompt), "n_gen": int(generate), "samples_ts": [1.0, 8.0 + turn]}})
if int(words["-n"]):
    tests.append({{"n_prompt": 0, "n_gen": int(words["-n"]), "samples_ts": [1.0, 8.0 + turn]}})
print(json.dumps(tests))
"""


class Compare(ToolTest):
    def setUp(self):
        super().setUp()
        self.log = self.folder / "log"
        self.built = self.folder / "ik"
        (self.built / "build" / "bin").mkdir(parents=True)
        self.write("gemmac", self.folder / "gemmac", GEMMAC)
        self.bench = self.built / "build" / "bin" / "llama-bench"
        self.write("llama-bench", self.bench, LLAMA_BENCH)

    def write(self, name, path, text):
        path.write_text(text.format(python=sys.executable, log=self.log, name=name))
        path.chmod(0o755)

    def compare(self, *words):
        words = [sys.executable, SOURCE / "benchmarks/compare.py", "--gguf", "some.gguf", "--gemmac", self.folder / "gemmac", "--threads", 2,
                 "--tries", 1, "--json", self.folder / "out.json", *words]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True)

    def compare_with_ik(self, *words):
        done = self.compare("--peer", "ik_llama.cpp", "--peer-dir", self.built, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout, json.loads((self.folder / "out.json").read_text()), [json.loads(line) for line in self.log.read_text().splitlines()]

    def test_engines_take_turns_and_the_first_round_does_not_count(self):
        text, result, calls = self.compare_with_ik("--rounds", 3)
        self.assertEqual([call[0] for call in calls], ["gemmac", "llama-bench"] * 4)
        # Medians of the turns 1, 2 and 3; of llama-bench the second repetition.
        self.assertEqual(result["prefill"]["gemmac"]["tokens_per_second"], 102)
        self.assertEqual(result["prefill"]["ik_llama.cpp"]["tokens_per_second"], 52)
        self.assertEqual(result["decode_ratio"], 14 / 10)
        self.assertAlmostEqual(result["decode"]["gemmac"]["of_bandwidth"], 14 * 1e9 / 20e9)
        self.assertAlmostEqual(result["prefill"]["ik_llama.cpp"]["of_peak"], 52 * (4e8 / 100e9 + 1e8 / 50e9))
        self.assertIn("|  | ik_llama.cpp | 10.00 | 1.40 | 50 % |", text)

    def test_llama_bench_repacks_and_is_told_the_rest(self):
        _, _, calls = self.compare_with_ik("--rounds", 1, "--prompt", 0, "--generate", 7, "--depth", 30, "--peer-options", "-fmoe 1")
        words = " ".join(calls[1])
        for said in ("-m some.gguf", "-t 2", "-p 0", "-n 0", "-gp 30,7", "-rtr 1", "-fmoe 1"):
            self.assertIn(said, words)

    def test_what_it_cannot_compare_is_refused(self):
        for words, why in ((("--peer", "ik_llama.cpp"), "--peer-dir"),
                           (("--peer", "ik_llama.cpp", "--peer-dir", self.folder), "no llama-bench in"),
                           (("--peer", "ik_llama.cpp", "--peer-dir", self.built, "--depth", 4), "--prompt 0"),
                           (("--peer", "mistral.rs"), "llama.cpp"), (("--prompt", 0, "--generate", 0), "nothing to measure")):
            done = self.compare(*words)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(why, done.stderr)
        self.assertFalse(self.log.exists())

    def test_a_peer_that_fails_is_quoted(self):
        self.bench.write_text("#!/bin/sh\necho unknown model architecture >&2\nexit 1\n")
        done = self.compare("--peer", "ik_llama.cpp", "--peer-dir", self.built)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("unknown model architecture", done.stderr)
        self.bench.write_text("#!/bin/sh\necho no tests\n")
        self.assertIn("no tests", self.compare("--peer", "ik_llama.cpp", "--peer-dir", self.built).stderr)


if __name__ == "__main__":
    unittest.main()
