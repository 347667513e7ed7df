"""The command line of gemmac: what it prints where, and what it refuses."""
import json
import os
import pathlib
import platform
import re
import signal
import subprocess
import time
import unittest

from gemmac_tool import BARD, BUILD, CACHE, GEMMAC, ToolTest


class Usage(ToolTest):
    def test_no_command_is_a_wrong_command_line(self):
        self.assertIn("subcommand", self.refuse(2))

    def test_an_unknown_option_is_a_wrong_command_line(self):
        self.assertIn("--colour", self.refuse(2, "compile", BARD, "--colour"))

    def test_a_number_must_be_one(self):
        self.assertIn("--context", self.refuse(2, "compile", BARD, "--context", "many"))

    def test_help_is_a_result(self):
        self.assertIn("Exit codes", self.succeed("--help"))
        self.assertIn("--scheme", self.succeed("compile", "--help"))


class FullDisk(ToolTest):
    def test_every_command_says_that_its_output_cannot_be_written(self):
        for words in (["--help"], ["version"], ["targets"], ["completion", "bash"], ["compile", "--help"],
                      ["compile", BARD, "--emit", "gemma"]):
            with self.subTest(words), open("/dev/full", "wb") as full:
                done = subprocess.run([GEMMAC, *map(str, words)], stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot write to standard output", done.stderr)

    def test_gemmac_opt_names_what_it_cannot_write(self):
        for words in ([], ["-o", "/dev/full"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([BUILD / "bin" / "gemmac-opt", *words], input="module {}", text=True, stdout=full,
                                      stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"error: cannot write '{words[-1] if words else '-'}': No space left on device", done.stderr)


class Interrupted(ToolTest):
    def test_nothing_is_left_by_an_interrupt_while_a_program_is_linked(self):
        bin, temporary, out = self.folder / "bin", self.folder / "tmp", self.folder / "new" / "bard"
        for folder in (bin, temporary):
            folder.mkdir()
        # A linker that takes its time, and would go on after its folder has been removed.
        for name in ("cc", "gcc", "clang", "clang-22"):
            (bin / name).write_text(f"#!/bin/sh\necho $$ > {self.folder}/linking\nsleep 60\necho > {self.folder}/went-on\n")
            (bin / name).chmod(0o755)
        environment = dict(os.environ, XDG_CACHE_HOME=str(CACHE), TMPDIR=str(temporary), PATH=f"{bin}:{os.environ['PATH']}")
        for number in (signal.SIGINT, signal.SIGTERM):
            running = subprocess.Popen([GEMMAC, "compile", BARD, "--scheme", "q4_0", "-o", out], env=environment,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
            while not (self.folder / "linking").exists():
                self.assertIsNone(running.poll())
                time.sleep(0.05)
            running.send_signal(number)
            self.assertEqual(running.wait(), -number)
            self.assertEqual(os.listdir(temporary), [])
            self.assertFalse(out.parent.exists())
            linker = int((self.folder / "linking").read_text())
            self.assertFalse(pathlib.Path(f"/proc/{linker}").exists())
            self.assertFalse((self.folder / "went-on").exists())
            (self.folder / "linking").unlink()


class Run(ToolTest):
    def test_run_has_the_options_of_the_programs_that_it_runs(self):
        program = next((BUILD / "runtime").glob(f"{platform.machine()}-*/fake-program"))
        described = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        options = set(re.findall(r"^  (--[a-z-]+)", described, re.MULTILINE))
        self.assertIn("--min-p", options)
        said = self.succeed("run", "--help")
        for option in options - {"--bench", "--help", "--logits", "--version", "--weights"}:
            self.assertRegex(said, rf"{option}\b")
        self.assertNotIn("--bench", said)
        self.assertIn("0 to 1 (the model's)", " ".join(said.split()))


class Listing(ToolTest):
    def test_targets_as_json_name_what_they_need(self):
        rows = json.loads(self.succeed("targets", "--json"))
        row = next(row for row in rows if row["name"] == "generic-aarch64")
        self.assertTrue(row["needs"])
        self.assertEqual(row["scheme"], "q4_0")
        self.assertLessEqual(sum(row["host"] for row in rows), 1)

    def test_version(self):
        self.assertRegex(self.succeed("version"), r"^gemmac \d+\.\d+\.\d+ ")

    def test_completion_is_a_script_that_its_shell_reads(self):
        script = self.succeed("completion", "bash")
        self.assertIn("--cache-scheme", script)
        subprocess.run(["bash", "-n"], input=script.encode(), check=True)
        for shell in ("zsh", "fish"):
            self.assertIn("tokenize", self.succeed("completion", shell))
        self.assertIn("powershell", self.refuse(2, "completion", "powershell"))

    def test_bash_completes_commands(self):
        script = self.succeed("completion", "bash")
        line = 'COMP_WORDS=(gemmac to); COMP_CWORD=1; _gemmac; echo "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script + line], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "tokenize\n")


class BadInput(ToolTest):
    """One clear error, exit code 1, and nothing written."""

    def refuse_to_compile(self, *words, **options):
        output = self.folder / "out"
        message = self.refuse(1, "compile", *words, "-o", output, **options)
        self.assertFalse(output.exists(), list(self.folder.rglob("*")))
        self.assertEqual(message.count("error: "), 1, message)
        return message

    def test_unknown_target(self):
        message = self.refuse_to_compile(BARD, "--target", "toaster")
        self.assertIn("there is no target 'toaster'; there are ", message)
        self.assertIn("generic-aarch64", message)

    def test_unknown_schemes(self):
        self.assertIn("f32, bf16, q8_0, q4_0", self.refuse_to_compile(BARD, "--scheme", "q2"))
        self.assertIn("f32, f16, q8_0", self.refuse_to_compile(BARD, "--cache-scheme", "q4_0"))
        self.assertIn("does not say how sliding layers", self.refuse_to_compile(BARD, "--cache-scheme", "global=q8_0"))

    def test_unknown_kind(self):
        self.assertIn("exe, lib, obj, llvm, gemma, fuse", self.refuse_to_compile(BARD, "--emit", "wasm"))

    def test_no_checkpoint(self):
        self.assertIn("no-such-model", self.refuse_to_compile("no-such-model"))

    def test_a_context_that_the_model_does_not_have(self):
        message = self.refuse_to_compile(BARD, "--context", 1000000)
        self.assertIn("a context of 1000000 positions is more than the model's", message)

    def test_a_call_longer_than_the_context(self):
        message = self.refuse_to_compile(BARD, "--context", 16, "--max-tokens", 17)
        self.assertIn("a call of 17 tokens is more than the context of 16", message)

    def test_a_program_needs_a_directory(self):
        self.assertIn("needs an output directory", self.refuse(1, "compile", BARD))

    def test_a_disk_without_room(self):
        message = self.refuse_to_compile(BARD, "--scheme", "f32", limit=1 << 20)
        self.assertIn("cannot write", message)
        self.assertIn("bard_e2b.weights", message)

    def test_an_output_that_is_a_file(self):
        (self.folder / "out").write_text("mine")
        self.assertIn("cannot make directory", self.refuse(1, "compile", BARD, "-o", self.folder / "out"))
        self.assertEqual((self.folder / "out").read_text(), "mine")

    def test_a_broken_tokenizer(self):
        model = self.folder / "model"
        model.mkdir()
        for file in BARD.iterdir():
            (model / file.name).symlink_to(file)
        (model / "tokenizer.json").unlink()
        (model / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": [')
        self.assertIn("tokenizer.json", self.refuse_to_compile(model))

    def test_no_c_compiler_for_a_program(self):
        message = self.refuse_to_compile(BARD, "--target", "generic-aarch64", path="/nowhere")
        self.assertIn("install gcc-aarch64-linux-gnu", message)

    def test_an_unknown_model_to_run(self):
        self.assertIn("no-such-model", self.refuse(1, "run", "no-such-model", "--prompt", "x"))
        message = self.refuse(1, "run", "google/no-such-model", "--prompt", "x")
        self.assertIn("no such model in the cache of Hugging Face", message)


class InspectingWhatIsNoPackage(ToolTest):
    def test_text(self):
        file = self.folder / "bard.weights"
        file.write_text("To be, or not to be" * 10)
        self.assertIn("is no gemmac package", self.refuse(1, "inspect", file))

    def test_nothing(self):
        file = self.folder / "empty.weights"
        file.touch()
        self.assertIn("is no package", self.refuse(1, "inspect", file))
        self.assertIn("there is no checkpoint or compiled model", self.refuse(1, "inspect", self.folder / "none.weights"))


if __name__ == "__main__":
    unittest.main()
