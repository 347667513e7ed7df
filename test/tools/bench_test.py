"""gemmac bench: what it counts and how it says it. What it measures is never looked at."""
import csv
import io
import json
import shutil
import unittest

from gemmac_tool import BARD, CACHE, ToolTest, gemmac

TESTS = ["--prompt", 8, "--generate", 4, "--repetitions", 2, "--threads", 1]


class Bench(ToolTest):
    @classmethod
    def setUpClass(cls):
        cls.model = CACHE / "bench-model"
        shutil.rmtree(cls.model, ignore_errors=True)
        done = gemmac("compile", BARD, "--scheme", "q4_0", "--context", 64, "--max-tokens", 8, "-o", cls.model)
        assert done.returncode == 0, done.err
        cls.manifest = json.loads((cls.model / "manifest.json").read_text())

    def calls_of(self, name):
        phase = next(phase for phase in self.manifest["phases"] if phase["name"] == name)
        return sum(len(stretch["calls"].split()) for stretch in phase["order"])

    def test_json_has_every_test_at_every_depth(self):
        report = json.loads(self.succeed("bench", self.model, *TESTS, "--depth", "0,40", "--format", "json"))
        self.assertEqual([(test["test"], test["depth"], test["tokens"]) for test in report["tests"]],
                         [("pp8", 0, 8), ("tg4", 0, 4), ("pp8", 40, 8), ("tg4", 40, 4)])
        self.assertTrue(all(len(test["seconds"]) == 2 for test in report["tests"]))
        prompt, generation, _, deep = report["tests"]
        # Every decoded token reads the weights; what it reads more at a depth are 39 positions of cache, in sliding layers too.
        slots = sum(call.get("slot_bytes", 0) for phase in self.manifest["phases"] if phase["name"] == "decode"
                    for stretch in phase["order"] for call in (phase["calls"][int(n)] for n in stretch["calls"].split()))
        self.assertEqual(deep["bytes_per_token"] - generation["bytes_per_token"], 39 * slots)
        self.assertLess(prompt["bytes_per_token"], generation["bytes_per_token"])
        self.assertGreater(generation["integer_products_per_token"], prompt["integer_products_per_token"])
        self.assertEqual(len(report["machine"]["before"]["bytes_per_second"]), 1)
        self.assertGreater(report["dirty_bytes"], self.manifest["bytes"]["arena"] // 8)

    def test_kernels_are_all_calls_of_the_plan(self):
        rows = list(csv.DictReader(io.StringIO(self.succeed("bench", self.model, *TESTS, "--kernels", "--format", "csv"))))
        calls = {test: sum(int(row["calls"]) for row in rows if row["test"] == test and row["kernel"] != "(between kernels)")
                 for test in ("pp8", "tg4")}
        self.assertEqual(calls, {"pp8": self.calls_of("prefill"), "tg4": 4 * self.calls_of("decode")})

    def test_markdown_is_the_default(self):
        text = self.succeed("bench", self.model, "--prompt", 8, "--generate", 0, "--repetitions", 1, "--threads", 1, "--kernels")
        self.assertIn("| pp8 | 0 | ", text)
        self.assertNotIn("tg", text)
        self.assertIn("machine before: reads ", text)
        self.assertIn("(between kernels)", text)

    def test_trace_has_kernels_within_layers(self):
        file = self.folder / "trace.json"
        self.succeed("bench", self.model, *TESTS, "--trace", file)
        events = [event for event in json.loads(file.read_text())["traceEvents"] if event["ph"] == "X"]
        for step, phase in enumerate(("prefill", "decode")):
            inside = [event for event in events if event["tid"] == step]
            self.assertTrue(inside[0]["name"].startswith(phase), inside[0])
            kernels = [event for event in inside[1:] if not event["name"].startswith(("layer ", "outside"))]
            self.assertEqual(len(kernels), self.calls_of(phase))
            layer = next(event for event in inside if event["name"] == "layer 2")
            within = [event["name"] for event in kernels
                      if layer["ts"] <= event["ts"] and event["ts"] + event["dur"] <= layer["ts"] + layer["dur"] + 1e-6]
            self.assertTrue(any(name.startswith("gate_up: linear") for name in within), within)

    def test_what_does_not_fit_is_refused(self):
        self.assertIn("need a context of 68 positions, and the model was compiled for 64",
                      self.refuse(1, "bench", self.model, *TESTS, "--depth", 60))
        self.assertIn("repetitions at least 1", self.refuse(1, "bench", self.model, "--repetitions", 0))
        self.assertIn("--format", self.refuse(2, "bench", self.model, "--format", "xml"))
        self.assertIn("--threads", self.refuse(2, "bench", self.model, "--threads", 0))

    def test_the_manifest_of_another_compilation_is_noticed(self):
        copy = self.folder / "copy"
        shutil.copytree(self.model, copy)
        changed = json.loads(json.dumps(self.manifest))
        for phase in changed["phases"]:
            phase["order"].pop()
        (copy / "manifest.json").write_text(json.dumps(changed))
        self.assertIn("come from different compilations", self.refuse(1, "bench", copy, *TESTS, "--kernels"))
        (copy / "manifest.json").write_text("{}")
        self.assertIn("is no manifest of a compiled model", self.refuse(1, "bench", copy, *TESTS))


if __name__ == "__main__":
    unittest.main()
