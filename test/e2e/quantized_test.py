"""Compiled programs with quantized weights against the interpreter on the same, dequantized weights.

Both round activations to int8 (and weights once, before), so they compute the same numbers up to the order of float32 sums, unless such a difference moves an
activation over the edge between two int8. These random models make much of one such step, so what must hold is: most positions agree within the
tolerance of float32, and those behind a step stay near.
"""
import shutil
import subprocess
import unittest

import numpy as np

from gemmac_tool import BUILD, CACHE, SHARED, ToolTest, gemmac
from golden_test import CASES, prompts, reference

TOLERANCE = 1e-3


@unittest.skipUnless((SHARED / "golden").is_dir(), f"no golden data in {SHARED}")
class Quantized(ToolTest):
    def compiled_and_interpreted(self, case, scheme, prompt):
        words = ["compile", SHARED / "golden" / case, "--scheme", scheme, "--cache-scheme", "f32"]
        ids = [str(word) for word in reference(case)[prompt + ".input_ids"]]
        program = CACHE / "quantized" / f"{case}-{scheme}"
        shutil.rmtree(program, ignore_errors=True)
        self.succeed(*words, "-o", program)
        ids_file, logits = self.folder / "ids", self.folder / "logits.npy"
        ids_file.write_text(" ".join(ids))
        self.succeed("logits", program, "--ids-file", ids_file, "-o", logits)

        ir = self.folder / "model.mlir"
        ir.write_text(self.succeed(*words, "--emit", "quantize"))
        printed = subprocess.run([BUILD / "bin" / "gemma-interpret", ir, "--weights", SHARED / "golden" / case, "--phase", "score",
                                  "--ids", ",".join(ids)], check=True, capture_output=True, text=True).stdout
        rows = [line.split("] ")[1].split() for line in printed.splitlines()[1:]]
        return np.load(logits), np.array(rows, dtype=np.float64)

    def compare(self, scheme, most_agree):
        agree = []
        for case in CASES:
            compiled, interpreted = self.compiled_and_interpreted(case, scheme, prompts(case)[0])
            self.assertEqual(compiled.shape, interpreted.shape)
            difference = np.abs(compiled - interpreted)
            agree += list(difference.max(axis=1) < TOLERANCE)
            with self.subTest(case=case):
                self.assertLess(np.sqrt(np.mean(difference**2)), 0.1 * interpreted.std())
        self.assertGreater(np.mean(agree), most_agree)

    def test_bf16_has_no_edges(self):
        self.compare("bf16", 0.999)

    def test_q8_0(self):
        self.compare("q8_0", 0.5)

    def test_q4_0(self):
        self.compare("q4_0", 0.5)


if __name__ == "__main__":
    unittest.main()
