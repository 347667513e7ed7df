"""The memory that a running model takes is the memory that was planned."""
import json
import subprocess
import unittest

from gemmac_tool import BARD, ToolTest


class Memory(ToolTest):
    def compiled(self, *words):
        self.succeed("compile", BARD, "--scheme", "q4_0", *words, "-o", self.folder / "model")
        return json.loads((self.folder / "model" / "manifest.json").read_text())

    def measured(self, commands, threads):
        """Anonymous (not file-backed) memory in bytes, after these commands."""
        out = subprocess.run([self.folder / "model" / "bard_e2b", "--bench", "--threads", str(threads)], input=commands + "memory\n", check=True,
                             capture_output=True, text=True).stdout
        return json.loads(out.splitlines()[-1])["dirty_bytes"]

    def test_a_full_context_takes_what_was_planned(self):
        for words, tokens in (((), 2000), (("--context", 1031, "--max-tokens", 389), 1009), (("--context", 513, "--max-tokens", 513), 512)):
            with self.subTest(words):
                manifest = self.compiled(*words)
                left = manifest["context"] - tokens - 1
                generate = f"generate {left}\n" if left else ""
                for threads in (1, 3):
                    planned = manifest["memory"]["generation"] + (threads - 1) * manifest["memory"]["thread"]
                    measured = self.measured(f"prompt {tokens}\n{generate}", threads)
                    if not measured:
                        self.skipTest("this system does not say what a process takes")
                    # A cache has whole spans of 256 positions; those beyond the context are never touched.
                    context = manifest["context"]
                    untouched = manifest["memory"]["cache"] * (-context % 256) / (context + -context % 256)
                    self.assertLess(measured, 1.02 * planned, f"{measured} measured, {planned} planned")
                    # A thread that finds no work, as there may be where threads outnumber CPUs, takes no stack.
                    untouched += (threads - 1) * manifest["memory"]["thread"]
                    self.assertGreater(measured, 0.98 * planned - untouched, f"{measured} measured, {planned} planned, {untouched} of it untouched")

    def test_nothing_is_taken_before_it_is_used(self):
        manifest = self.compiled()
        opened = self.measured("", 1)
        if not opened:
            self.skipTest("this system does not say what a process takes")
        self.assertLess(opened, 2 * manifest["memory"]["program"])

    def test_inspect_and_manifest_say_the_same(self):
        manifest = self.compiled("--context", 100)
        package = json.loads(self.succeed("inspect", self.folder / "model", "--json"))
        self.assertEqual(package["bytes"]["memory"], manifest["memory"]["most"])
        self.assertIn(f"memory        {manifest['memory']['most']} bytes at most", self.succeed("inspect", self.folder / "model"))


if __name__ == "__main__":
    unittest.main()
