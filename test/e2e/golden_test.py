"""Compiled programs against the golden data: logits at every position, greedy text token for token.

The tolerance of the logits is the one that golden/README.md derives for float32 of any order of summation, in one chunk or many.
"""
import functools
import json
import shutil
import unittest

import numpy as np

from gemmac_tool import CACHE, SHARED, ToolTest, gemmac

CASES = ["tiny-e2b", "tiny-e4b", "tiny-12b-unified", "tiny-26b-a4b", "tiny-31b", "tiny-gemma3"]
TOLERANCE = 1e-3
EMULATOR = shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64")


def tensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    types = {"F32": np.float32, "I32": np.int32, "I64": np.int64}
    found = {}
    for name, about in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = about["data_offsets"]
            found[name] = np.frombuffer(data[8 + size + begin:8 + size + end], types[about["dtype"]]).reshape(about["shape"])
    return found


@functools.cache
def reference(case):
    return tensors(SHARED / "golden" / case / "ref" / "text.safetensors")


def prompts(case):
    return sorted({name.split(".")[0] for name in reference(case)})


@functools.cache
def compiled(case, scheme, target):
    folder = CACHE / "golden" / f"{case}-{scheme}-{target}"
    shutil.rmtree(folder, ignore_errors=True)
    done = gemmac("compile", SHARED / "golden" / case, "--scheme", scheme, "--target", target, "-o", folder)
    assert done.returncode == 0, done.err
    return folder


@unittest.skipUnless((SHARED / "golden").is_dir(), f"no golden data in {SHARED}")
class Golden(ToolTest):
    def ids_file(self, case, prompt):
        file = self.folder / "ids"
        file.write_text(" ".join(map(str, reference(case)[prompt + ".input_ids"])))
        return file

    def logits(self, model, case, prompt, *words):
        out = self.folder / "logits.npy"
        self.succeed("logits", model, "--ids-file", self.ids_file(case, prompt), "-o", out, *words)
        return np.load(out)

    def compare(self, case, prompt, model, *words):
        expected = reference(case)[prompt + ".logits"]
        found = self.logits(model, case, prompt, *words)
        self.assertEqual(found.shape, expected.shape)
        self.assertLess(np.abs(found - expected).max(), TOLERANCE)

    def compare_greedy(self, case, prompt, model, *words):
        expected = reference(case)[prompt + ".greedy_ids"]
        out = self.succeed("run", model, "--ids-file", self.ids_file(case, prompt), "-n", len(expected), "--temp", 0,
                           "--ignore-eos", "--print", "ids", *words)
        self.assertEqual([int(word) for word in out.split()], list(expected))

    def each(self):
        for case in CASES:
            for prompt in prompts(case):
                yield case, prompt

    def test_logits_in_chunks_of_any_size(self):
        for case, prompt in self.each():
            for chunk in (1, 7, 16, 64, 512):
                with self.subTest(case=case, prompt=prompt, chunk=chunk):
                    self.compare(case, prompt, compiled(case, "f32", "host"), "--chunk", chunk, "--threads", 1)

    def test_logits_do_not_depend_on_threads(self):
        for case, prompt in self.each():
            with self.subTest(case=case, prompt=prompt):
                model = compiled(case, "f32", "host")
                one = self.logits(model, case, prompt, "--threads", 1)
                self.assertTrue(np.array_equal(one, self.logits(model, case, prompt, "--threads", 2)))

    def test_greedy_text_token_for_token(self):
        for case, prompt in self.each():
            for words in (["--threads", 2], ["--chunk", 7, "--threads", 1]):
                with self.subTest(case=case, prompt=prompt, words=words):
                    self.compare_greedy(case, prompt, compiled(case, "f32", "host"), *words)

    @unittest.skipUnless(EMULATOR, "needs aarch64-linux-gnu-gcc and qemu-aarch64")
    def test_the_same_on_arm(self):
        for case in CASES:
            prompt = prompts(case)[-1]
            with self.subTest(case=case):
                model = compiled(case, "f32", "generic-aarch64")
                self.compare(case, prompt, model, "--chunk", 16)
                self.compare_greedy(case, prompt, model)

    @unittest.skipUnless(EMULATOR, "needs aarch64-linux-gnu-gcc and qemu-aarch64")
    def test_quantized_numbers_are_those_of_this_machine_on_arm(self):
        # Integer products are exact everywhere; an activation that stands on the edge between two int8 may fall to either side.
        for case in CASES:
            for target in ("generic-aarch64", "generic-aarch64-dotprod"):
                prompt = prompts(case)[0]
                with self.subTest(case=case, target=target):
                    here = self.logits(compiled(case, "q4_0", "host"), case, prompt)
                    there = self.logits(compiled(case, "q4_0", target), case, prompt)
                    self.assertLess(np.sqrt(np.mean((here - there)**2)), 0.05 * here.std())


if __name__ == "__main__":
    unittest.main()
