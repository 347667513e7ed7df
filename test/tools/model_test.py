"""gemmac with the example model: every kind of output, and everything that can be done with one."""
import json
import pathlib
import shutil
import subprocess
import unittest

from gemmac_tool import BARD, CACHE, ToolTest, gemmac

TEMPLATE = "{{ bos_token }}{% for message in messages %}…\n{% endfor %}"
PROMPT = ["--prompt", "ROMEO:", "--n-predict", 12, "--temp", 0]


class CompiledModel(ToolTest):
    """One compilation that all tests look at and none changes."""

    @classmethod
    def setUpClass(cls):
        cls.model = CACHE / "test-model"
        shutil.rmtree(cls.model, ignore_errors=True)
        checkpoint = CACHE / "test-checkpoint" / "bard-e2b"
        shutil.copytree(BARD, checkpoint, dirs_exist_ok=True)
        (checkpoint / "chat_template.jinja").write_text(TEMPLATE)
        done = gemmac("compile", checkpoint, "--scheme", "q4_0", "--context", 512, "-o", cls.model)
        assert done.returncode == 0, done.err
        cls.said = done

    def corrupted(self, change):
        copy = self.folder / "copy"
        shutil.copytree(self.model, copy)
        weights = copy / "bard_e2b.weights"
        data = bytearray(weights.read_bytes())
        change(data)
        weights.write_bytes(data)
        return copy

    def test_names_its_files_on_standard_output(self):
        names = [pathlib.Path(line).name for line in self.said.out.split()]
        self.assertEqual(names, ["bard_e2b.h", "libbard_e2b.a", "bard_e2b", "bard_e2b.weights", "manifest.json"])
        self.assertEqual(sorted(file.name for file in self.model.iterdir()), sorted(names))

    def test_says_what_goes_on_in_plain_lines_where_there_is_no_terminal(self):
        self.assertIn("weights: done\n", self.said.err)
        self.assertNotIn("\r", self.said.err)

    def test_manifest_knows_all_sizes(self):
        manifest = json.loads((self.model / "manifest.json").read_text())
        self.assertEqual(manifest["bytes"]["package"], (self.model / "bard_e2b.weights").stat().st_size)
        self.assertLessEqual(sum(tensor["bytes"] for tensor in manifest["tensors"]), manifest["bytes"]["weights"])
        self.assertGreater(manifest["bytes"]["weights_by_scheme"]["q4_0"], manifest["bytes"]["weights_by_scheme"]["f32"])
        losses = {tensor["relative_error"] for tensor in manifest["tensors"] if tensor["scheme"] == "q4_0"}
        self.assertTrue(all(0 < loss < 0.2 for loss in losses), losses)

    def test_inspect(self):
        self.assertIn("layer0.", self.succeed("inspect", self.model))
        package = json.loads(self.succeed("inspect", self.model / "bard_e2b.weights", "--json", "--verify"))
        manifest = json.loads((self.model / "manifest.json").read_text())
        self.assertEqual(package["fingerprint"], manifest["fingerprint"])
        self.assertEqual([tensor["name"] for tensor in package["tensors"]],
                         [tensor["name"] for tensor in manifest["tensors"]])
        self.assertEqual(self.succeed("inspect", self.model, "--chat-template"), TEMPLATE)

    def test_a_changed_byte_is_found(self):
        def change(data):
            data[-100] ^= 4
        copy = self.corrupted(change)
        self.assertIn("does not fit its checksum", self.refuse(1, "inspect", copy, "--verify"))
        self.assertIn("does not fit its checksum", self.refuse(1, "run", copy, "--verify", *PROMPT))

    def test_a_package_cut_short_is_found(self):
        def change(data):
            del data[-1000:]
        self.assertIn("cut short", self.refuse(1, "inspect", self.corrupted(change)))

    def test_runs(self):
        text = self.succeed("run", self.model, *PROMPT)
        self.assertTrue(text.strip())
        self.assertEqual(text, self.succeed("run", self.model / "bard_e2b.weights", "--prompt", "-", *PROMPT[2:],
                                            text="ROMEO:"))

    def test_ids_in_and_out(self):
        ids = self.succeed("tokenize", self.model, text="ROMEO:")
        file = self.folder / "ids"
        file.write_text(ids)
        out = self.succeed("run", self.model, "--ids-file", file, "-n", 12, "--temp", 0, "--ignore-eos", "--print", "ids")
        self.assertEqual(len(out.split()), 12)

    def test_tokenize_is_the_same_for_checkpoint_and_package(self):
        text = "O Romeo, Romeo! — wherefore art thou\n\n Romeo?\t\xff"
        ids = self.succeed("tokenize", self.model, text=text)
        self.assertEqual(ids, self.succeed("tokenize", BARD, text=text))
        without = self.succeed("tokenize", BARD, "--no-bos", text=text)
        self.assertEqual(ids.split()[1:], without.split())
        self.assertEqual(self.succeed("tokenize", BARD, "--decode", text=without), text)

    def test_decode_refuses_what_is_no_id(self):
        self.assertIn("'two' is no token id", self.refuse(1, "tokenize", self.model, "--decode", text="1 two 3"))
        self.assertIn("vocabulary", self.refuse(1, "tokenize", self.model, "--decode", text="99999999"))

    def test_asking_something_else_of_it_is_refused(self):
        message = self.refuse(1, "run", self.model, "--scheme", "f32", *PROMPT)
        self.assertIn("was compiled with scheme q4_0, not f32", message)
        self.assertIn("context 512, not 1024", self.refuse(1, "run", self.model, "--context", 1024, *PROMPT))
        self.assertIn("not generic-aarch64", self.refuse(1, "run", self.model, "--target", "generic-aarch64", *PROMPT))

    def test_wrong_words_for_the_program_are_a_wrong_command_line(self):
        self.assertIn("--temp", self.refuse(2, "run", self.model, "--prompt", "x", "--temp", "hot"))
        self.assertIn("--prompt", self.refuse(2, "run", self.model))

    def test_logits_are_a_numpy_file(self):
        ids, out = self.folder / "ids", self.folder / "logits.npy"
        ids.write_text("2 10 11 12 13")
        self.succeed("logits", self.model, "--ids-file", ids, "--chunk", 2, "--threads", 2, "-o", out)
        data = out.read_bytes()
        self.assertEqual(data[:6], b"\x93NUMPY")
        self.assertEqual(len(data), 128 + 5 * 2048 * 4)

    def test_logits_of_ids_outside_the_vocabulary_are_refused(self):
        ids, out = self.folder / "ids", self.folder / "logits.npy"
        ids.write_text("2 2048")
        self.refuse(1, "logits", self.model, "--ids-file", ids, "-o", out)
        self.assertFalse(out.exists())


class Kinds(ToolTest):
    def test_every_stage_prints_its_ir(self):
        words = {"gemma": "@forward", "fuse": "gemma.linear", "schedule": "@prefill", "experts": "@decode", "quantize": "q4_0",
                 "select": "plan.kernel", "plan": "plan.call", "llvm": "@gemmac_model_bard_e2b"}
        for kind, word in words.items():
            with self.subTest(kind):
                self.assertIn(word, self.succeed("compile", BARD, "--scheme", "q4_0", "--emit", kind))

    def test_ir_goes_to_a_file_where_a_directory_is_given(self):
        out = self.succeed("compile", BARD, "--emit", "plan", "-o", self.folder, "--json")
        files = json.loads(out)["files"]
        self.assertEqual(files, [str(self.folder / "bard_e2b.plan.mlir")])
        self.assertIn("plan.call", pathlib.Path(files[0]).read_text())

    def test_objects(self):
        out = self.succeed("compile", BARD, "--emit", "obj", "--name", "My Bard", "-o", self.folder).split()
        self.assertIn(str(self.folder / "my_bard.o"), out)
        self.assertTrue(all(pathlib.Path(file).read_bytes()[:4] == b"\x7fELF" for file in out if file.endswith(".o")))

    def test_a_library_needs_no_c_compiler(self):
        self.succeed("compile", BARD, "--emit", "lib", "-o", self.folder, path="/nowhere")
        self.assertTrue((self.folder / "libbard_e2b.a").exists())


class ForAnotherCpu(ToolTest):
    @unittest.skipUnless(shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64"), "needs qemu-user")
    def test_runs_through_an_emulator_and_says_when_there_is_none(self):
        self.succeed("compile", BARD, "--target", "generic-aarch64", "--scheme", "f32", "-o", self.folder)
        here = self.succeed("run", BARD, "--scheme", "f32", *PROMPT)
        self.assertEqual(self.succeed("run", self.folder, *PROMPT), here)
        message = self.refuse(1, "run", self.folder, *PROMPT, path="/nowhere")
        self.assertIn("install qemu-aarch64", message)


class ModelsByName(ToolTest):
    """What `hf download` leaves: links from a snapshot to blobs. gemmac finds it by the name of the repository."""

    def setUp(self):
        super().setUp()
        repository = self.folder / "huggingface" / "hub" / "models--someone--Bard-E2B-it"
        snapshot = repository / "snapshots" / ("0123456789" * 4)
        for folder in (snapshot, repository / "blobs", repository / "refs"):
            folder.mkdir(parents=True)
        (repository / "refs" / "main").write_text(snapshot.name)
        for number, file in enumerate(BARD.iterdir()):
            shutil.copy(file, repository / "blobs" / str(number))
            (snapshot / file.name).symlink_to(f"../../blobs/{number}")

    def test_compiles_and_tokenizes(self):
        out = self.succeed("compile", "someone/Bard-E2B-it", "--emit", "plan", "-o", self.folder / "out", cache=self.folder)
        self.assertEqual(out, f"{self.folder}/out/bard_e2b_it.plan.mlir\n")
        self.assertEqual(self.succeed("tokenize", "someone/Bard-E2B-it", text="ROMEO:", cache=self.folder),
                         self.succeed("tokenize", BARD, text="ROMEO:"))


class RunFromACheckpoint(ToolTest):
    def test_compiles_once(self):
        first = gemmac("run", BARD, "--scheme", "q8_0", *PROMPT, cache=self.folder)
        again = gemmac("run", BARD, "--scheme", "q8_0", *PROMPT, cache=self.folder)
        self.assertEqual((first.returncode, again.returncode), (0, 0), first.err + again.err)
        self.assertEqual(first.out, again.out)
        self.assertIn("weights: done", first.err)
        self.assertEqual(again.err, "limit: 12 generated tokens are as many as --n-predict allows\n")
        self.assertEqual(len(list((self.folder / "gemmac" / "models").iterdir())), 1)


if __name__ == "__main__":
    unittest.main()
