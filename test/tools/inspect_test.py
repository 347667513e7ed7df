"""gemmac inspect before anything is compiled: what a checkpoint holds, what would become of it, and that this is what becomes of it."""
import json
import shutil
import unittest

import gguf_file
from gemmac_tool import BARD, SHARED, SOURCE, ToolTest, gemmac

OPTIONS = ["--context", 128]
GOLDEN = SHARED / "golden"
ADAPTER = SOURCE / "test" / "e2e" / "lora" / "ranks"


def safetensors_bytes(folder):
    """Of all tensors: files without their headers."""
    sizes = 0
    for file in folder.glob("*.safetensors"):
        with open(file, "rb") as opened:
            sizes += file.stat().st_size - 8 - int.from_bytes(opened.read(8), "little")
    return sizes


class Inspect(ToolTest):
    def inspected(self, model, *words):
        return json.loads(self.succeed("inspect", model, *OPTIONS, "--json", *words))

    def bytes_of(self, summary):
        return sum(row["file_bytes"] for row in summary["weights"]) + sum(row["bytes"] for row in summary["left_out"])

    def test_what_is_said_is_what_is_compiled(self):
        for words in ((), ("--scheme", "q8_0", "--cache-scheme", "q8_0")):
            with self.subTest(words):
                summary = self.inspected(BARD, *words)
                self.succeed("compile", BARD, *OPTIONS, "--emit", "lib", *words, "-o", self.folder)
                manifest = json.loads((self.folder / "manifest.json").read_text())
                by_scheme = {}
                for row in summary["weights"]:
                    by_scheme[row["scheme"]] = by_scheme.get(row["scheme"], 0) + row["bytes"]
                self.assertEqual(by_scheme, manifest["bytes"]["weights_by_scheme"])
                self.assertEqual(summary["plan"]["memory"], manifest["memory"])
                self.assertEqual(summary["plan"]["weight_bytes"], manifest["bytes"]["weights"])
                self.assertEqual(summary["plan"]["scheme"], manifest["scheme"])

    def test_every_byte_of_the_file_is_accounted_for(self):
        summary = self.inspected(BARD)
        self.assertEqual(summary["file_bytes"], safetensors_bytes(BARD))
        self.assertEqual(self.bytes_of(summary), summary["file_bytes"])
        self.assertEqual(summary["left_out"], [])
        self.assertEqual(summary["numbers"] * 2, summary["file_bytes"])

    def test_architecture_tokenizer_and_template(self):
        summary = self.inspected(BARD)
        config = json.loads((BARD / "config.json").read_text())
        layers = summary["architecture"]["layers"]
        self.assertEqual(summary["name"], "bard_e2b")
        self.assertEqual(len(layers), config["num_hidden_layers"])
        self.assertEqual([layer["window"] is None for layer in layers], [kind == "full_attention" for kind in config["layer_types"]])
        self.assertEqual([index for index, layer in enumerate(layers) if layer["keys_of_layer"] != index],
                         list(range(len(layers) - config["num_kv_shared_layers"], len(layers))))
        self.assertEqual(summary["tokenizer"]["tokens"], 2048)
        self.assertEqual(summary["tokenizer"]["chat_template_bytes"], 0)
        self.assertEqual(summary["generation"]["stop"], [1])
        self.assertEqual(self.succeed("inspect", BARD, "--chat-template"), "")

    def test_for_people(self):
        text = self.succeed("inspect", BARD, *OPTIONS, "--scheme", "bf16")
        for said in ("Gemma 4, text: 10 layers of 128 channels", "8 layers see a window of 64 positions", "template      none",
                     "embedding, head", "this machine"):
            self.assertIn(said, text)
        self.assertRegex(text, r"attention +32 +450560 +bf16 +901120 +bf16 +901120 +kept")
        self.assertRegex(text, r"norms and scalars .* bf16 .* f32 .* exact")

    def test_mixed_gguf_says_what_becomes_of_each_scheme(self):
        model = self.folder / "bard-mixed.gguf"
        schemes = {"attn_v.weight": "q5_0", "ffn_up.weight": "q8_0", "ffn_down.weight": "f16"}
        gguf_file.write_gguf(str(BARD), str(model), lambda name: schemes.get(name.split(".", 2)[-1], "q4_0"))
        summary = self.inspected(model)
        ways = {(row["part"], row["file_scheme"]): row["numbers_are"] for row in summary["weights"]}
        self.assertEqual(ways["attention", "q4_0"], "kept")
        self.assertEqual(ways["feed-forward", "q8_0"], "kept")
        self.assertEqual(ways["feed-forward", "f16"], "exact")
        self.assertEqual(ways["attention", "q5_0"], "kept" if any(
            row["scheme"] == "q5_0" for row in summary["weights"]) else "rounded")
        self.assertEqual((summary["format"], summary["files"], summary["plan"]["scheme"]), ("gguf", 1, "file"))
        self.assertEqual(self.bytes_of(summary), summary["file_bytes"])

    def test_weights_that_an_adapter_changes_are_rounded_again(self):
        plain, merged = (self.inspected(BARD, "--scheme", "bf16", *words) for words in ((), ("--lora", ADAPTER)))
        self.assertEqual(merged["file_bytes"], plain["file_bytes"])
        self.assertEqual({row["file_scheme"] for row in merged["weights"]}, {"bf16"})
        changed = {row["part"] for row in merged["weights"] if row["numbers_are"] == "rounded"}
        self.assertEqual({row["numbers_are"] for row in plain["weights"] if row["scheme"] == "bf16"}, {"kept"})
        self.assertEqual(changed, {"attention", "feed-forward", "per-layer inputs"})
        self.assertEqual(len(merged["adapters"]), 1)

    def test_compile_says_it_in_five_lines_before_the_work(self):
        done = gemmac("compile", BARD, *OPTIONS, "--scheme", "q4_0", "--emit", "lib", "-o", self.folder)
        lines = done.err.splitlines()
        first = lines.index(next(line for line in lines if line.startswith("bard_e2b: Gemma 4, 10 layers")))
        self.assertEqual([line.split(":")[0] for line in lines[first + 1:first + 5]], ["weights", "left out", "tokenizer", "memory"])
        self.assertIn("weights: bf16 rounded to q4_0, 2.00 MB; bf16 as f32, ", done.err)
        self.assertGreater(lines.index("kernels: done"), first + 4)

    def test_what_cannot_be_compiled_is_said(self):
        model = self.folder / "model"
        shutil.copytree(BARD, model)
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))
        self.assertIn("llama", self.refuse(1, "inspect", model))
        (model / "chat_template.jinja").write_text("{{ x }}")
        self.assertEqual(self.succeed("inspect", model, "--chat-template"), "{{ x }}")

    def test_checkpoints_have_no_checksums(self):
        self.assertIn("has no checksums", self.refuse(1, "inspect", BARD, "--verify"))

    def test_packages_are_compiled_already(self):
        self.succeed("compile", BARD, *OPTIONS, "-o", self.folder)
        self.assertIn("is compiled already", self.refuse(1, "inspect", self.folder, *OPTIONS))
        self.assertIn("checksums: done", gemmac("inspect", self.folder, "--verify").err)


@unittest.skipUnless(GOLDEN.exists(), f"needs {GOLDEN}")
class Golden(Inspect):
    def test_every_byte_of_the_file_is_accounted_for(self):
        for name in ("tiny-e2b", "tiny-26b-a4b", "tiny-gemma3", "tiny-12b-unified"):
            with self.subTest(name):
                summary = self.inspected(GOLDEN / name)
                self.assertEqual(summary["file_bytes"], safetensors_bytes(GOLDEN / name))
                self.assertEqual(self.bytes_of(summary), summary["file_bytes"])

    def test_towers_and_what_no_layer_reads_are_left_out(self):
        summary = self.inspected(GOLDEN / "tiny-e2b")
        left = {row["what"]: row["tensors"] for row in summary["left_out"]}
        self.assertEqual(set(left), {"vision tower", "audio tower", "keys and values of layers that read another's"})
        self.assertGreater(summary["tokenizer"]["chat_template_bytes"], 1000)

    def test_experts_and_shards(self):
        summary = self.inspected(GOLDEN / "tiny-26b-a4b")
        self.assertEqual(summary["architecture"]["experts"]["count"], 8)
        self.assertEqual(summary["files"], 2)
        parts = {row["part"] for row in summary["weights"]}
        self.assertLessEqual({"experts", "router", "attention", "feed-forward"}, parts)
        self.assertNotIn("other", parts)


if __name__ == "__main__":
    unittest.main()
