"""What a compilation leaves behind: the same bytes for the same input, and a library that C programs link."""
import json
import os
import resource
import shutil
import subprocess
import unittest

from gemmac_tool import BARD, CACHE, GEMMAC, SOURCE, ToolTest


class SameBytes(ToolTest):
    def test_every_file_is_the_same_for_any_cache_and_number_of_threads(self):
        one, two = self.folder / "one", self.folder / "two"
        self.succeed("compile", BARD, "--threads", 1, "--kernel-cache", "-", "-o", one)
        self.succeed("compile", BARD, "--threads", 2, "-o", two)
        names = sorted(file.name for file in one.iterdir())
        self.assertEqual(names, sorted(file.name for file in two.iterdir()))
        for name in names:
            self.assertEqual((one / name).read_bytes(), (two / name).read_bytes(), name)

    def test_names_and_places_of_the_user_are_in_none(self):
        model = self.folder / "secretly-named"
        shutil.copytree(BARD, model)
        self.succeed("compile", model, "--name", "bard", "-o", self.folder / "out")
        for file in (self.folder / "out").iterdir():
            self.assertNotIn(b"secretly-named", file.read_bytes(), file.name)


def with_large_table(folder, rows):
    """The example model with this many rows of per-layer embeddings, all zero: a file with a hole where they are."""
    folder.mkdir()
    for file in BARD.iterdir():
        (folder / file.name).symlink_to(file)
    config = json.loads((BARD / "config.json").read_text()) | {"vocab_size_per_layer_input": rows}
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(config))

    data = (BARD / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    numbers = bytearray()
    table = header.pop("model.embed_tokens_per_layer.weight")
    for about in header.values():
        if "data_offsets" in about:
            begin, end = about["data_offsets"]
            about["data_offsets"] = [len(numbers), len(numbers) + end - begin]
            numbers += data[8 + size + begin:8 + size + end]
    columns = table["shape"][1]
    table |= {"shape": [rows, columns], "data_offsets": [len(numbers), len(numbers) + 2 * rows * columns]}
    header["model.embed_tokens_per_layer.weight"] = table
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    (folder / "model.safetensors").unlink()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(words).to_bytes(8, "little") + words + numbers)
        file.truncate(file.tell() + 2 * rows * columns)


class Memory(ToolTest):
    def test_does_not_grow_with_the_model(self):
        model, out = self.folder / "model", self.folder / "out"
        with_large_table(model, 262144)
        most = 256 << 20
        environment = dict(os.environ, XDG_CACHE_HOME=str(CACHE))
        done = subprocess.run([GEMMAC, "compile", model, "--scheme", "f32", "--threads", "2", "--emit", "lib", "-o", out], env=environment,
                              capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (most, most)))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertGreater((out / "model.weights").stat().st_size, most)


@unittest.skipUnless(shutil.which("cc"), "needs a C compiler")
class CExample(ToolTest):
    def test_links_the_library_and_writes_what_the_program_writes(self):
        out = self.folder / "bard"
        self.succeed("compile", BARD, "-o", out)
        program = self.folder / "generate"
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", SOURCE / "examples" / "generate.c", f"-I{out}",
                        out / "libbard_e2b.a", "-lpthread", "-lm", "-o", program], check=True)
        text = subprocess.run([program, out / "bard_e2b.weights", "ROMEO:", "20"], check=True, capture_output=True).stdout
        self.assertEqual(text.decode(), self.succeed("run", out, "--prompt", "ROMEO:", "-n", 20, "--temp", 0))

    def test_a_text_that_is_cut_or_copied_goes_on_as_a_fresh_one(self):
        for scheme in ("f16", "q8_0"):
            with self.subTest(scheme):
                out = self.folder / scheme
                # Rings of 64 - 1 + 128 positions: one span of 256.
                self.succeed("compile", BARD, "--emit", "lib", "--scheme", "q4_0", "--cache-scheme", scheme, "--context", "1024",
                             "--max-tokens", "128", "-o", out)
                program = self.folder / "rewind"
                subprocess.run(["cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", SOURCE / "test" / "e2e" / "rewind.c", f"-I{out}",
                                out / "libbard_e2b.a", "-lpthread", "-lm", "-o", program], check=True)
                done = subprocess.run([program, out / "bard_e2b.weights"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, "70 cuts, 4 refused\n")

    def test_the_header_is_c_and_cxx(self):
        self.succeed("compile", BARD, "--emit", "lib", "-o", self.folder)
        for language, standard in (("c", "c99"), ("c++", "c++11")):
            subprocess.run(["cc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", language, f"-std={standard}", "-"],
                           input=b'#include "bard_e2b.h"\n', cwd=self.folder,
                           env={"CPATH": str(self.folder), "PATH": "/usr/bin:/bin"}, check=True)

    def test_the_archive_has_nothing_twice(self):
        self.succeed("compile", BARD, "--emit", "lib", "-o", self.folder)
        listed = subprocess.run(["ar", "t", self.folder / "libbard_e2b.a"], check=True, capture_output=True, text=True).stdout.split()
        self.assertEqual(len(listed), len(set(listed)))


if __name__ == "__main__":
    unittest.main()
