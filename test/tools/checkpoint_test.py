"""Checkpoints as people have them: what differs from a released one is read, left out with a word, or refused with a reason."""
import json
import shutil
import struct
import unittest

from gemmac_tool import BARD, ToolTest, gemmac


def read_tensors(path):
    """{name: (dtype, shape, bytes)} of a safetensors file."""
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    return {name: (about["dtype"], about["shape"], data[start + about["data_offsets"][0]:start + about["data_offsets"][1]])
            for name, about in header.items()}


def write_tensors(path, tensors):
    header, numbers = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(numbers), len(numbers) + len(data)]}
        numbers += data
    words = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(words)) + words + numbers)


class CheckpointTest(ToolTest):
    """`self.model` is the example, to be changed; its weights are read when asked for."""

    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        shutil.copytree(BARD, self.model)

    def edit(self, file, change):
        value = json.loads((self.model / file).read_text())
        change(value)
        (self.model / file).write_text(json.dumps(value))

    def edit_tensors(self, change):
        tensors = read_tensors(self.model / "model.safetensors")
        change(tensors)
        write_tensors(self.model / "model.safetensors", tensors)

    def compiled(self, *words):
        """What is said while the checkpoint is compiled."""
        done = gemmac("compile", self.model, "-o", self.folder / "out", *words)
        self.assertEqual(done.returncode, 0, done.err)
        return done.err


class Names(CheckpointTest):
    def test_keys_of_tools_pass_with_one_remark(self):
        self.edit("config.json", lambda c: c.update(unsloth_fixed=True, quantization_config=None))
        said = self.compiled("--emit", "gemma")
        self.assertIn("config.json: no result depends on 'quantization_config', 'unsloth_fixed', which are left out\n", said)
        self.assertEqual(said.count("remark:"), 1, said)


class Tokens(CheckpointTest):
    def add(self, number, content):
        token = {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                 "special": True}
        self.edit("tokenizer.json", lambda t: t["added_tokens"].append(token))

    def test_a_token_without_a_row_is_left_out(self):
        rows = json.loads((self.model / "config.json").read_text())["vocab_size"]
        self.add(rows, "<image_soft_token>")
        said = self.compiled()
        self.assertIn(f"the model's tables have {rows} rows, none for 1 token of the tokenizer, which is left out: "
                      f"'<image_soft_token>' ({rows})", said)
        ids = self.succeed("tokenize", self.folder / "out", text="<image_soft_token>").split()
        self.assertLess(max(map(int, ids)), rows)
        self.succeed("run", self.folder / "out", "--prompt", "a <image_soft_token> b", "-n", 2)

    def test_tokens_of_text_need_rows(self):
        def cut(tensors):
            for name in ("model.embed_tokens.weight", "model.embed_tokens_per_layer.weight"):
                dtype, (rows, columns), data = tensors[name]
                tensors[name] = (dtype, [rows - 8, columns], data[:-8 * columns * 2])

        self.edit_tensors(cut)
        self.edit("config.json", lambda c: c.update(vocab_size=2040, vocab_size_per_layer_input=2040))
        said = self.refuse(1, "compile", self.model, "-o", self.folder / "out")
        self.assertIn("the tokenizer has 2048 tokens, but the model's tables are short: they have 2040 rows, none for", said)


class Head(CheckpointTest):
    def logits(self, head, **config):
        model = self.folder / "head"
        shutil.copytree(self.model, model, dirs_exist_ok=True)
        tensors = read_tensors(self.model / "model.safetensors")
        if head:
            tensors["lm_head.weight"] = head
        write_tensors(model / "model.safetensors", tensors)
        value = json.loads((self.model / "config.json").read_text()) | config
        (model / "config.json").write_text(json.dumps(value))
        out = self.folder / "logits.npy"
        done = gemmac("logits", model, "--scheme", "f32", "--ids-file", "-", "-o", out, text="2 100 200")
        self.assertEqual(done.returncode, 0, done.err)
        return out.read_bytes(), done.err

    def test_a_trained_head_is_used(self):
        dtype, shape, data = read_tensors(self.model / "model.safetensors")["model.embed_tokens.weight"]
        turned = data[2 * shape[1]:] + data[:2 * shape[1]]  # the rows of other tokens
        with_word, said = self.logits((dtype, shape, turned))
        self.assertIn("says that head and embedding are tied, but 'lm_head.weight' of model.safetensors has other numbers", said)
        untied, said = self.logits((dtype, shape, turned), tie_word_embeddings=False)
        self.assertNotIn("tied", said)
        self.assertEqual(with_word, untied)
        tied, said = self.logits((dtype, shape, data))
        self.assertNotIn("tied", said)
        self.assertEqual(tied, self.logits(None)[0])
        self.assertNotEqual(tied, untied)


class Generation(CheckpointTest):
    def test_what_is_compiled_is_opened(self):
        self.edit("config.json", lambda c: c.update(eos_token_id=[1, 5]))
        self.edit("tokenizer_config.json", lambda c: c.update(eos_token="<pad>"))
        for sampling in ({"top_p": 0}, {"top_p": 1e-300, "top_k": -1}, {"temperature": 1e-300, "do_sample": True},
                         {"min_p": 1e-300, "temperature": 1e6}, {"top_k": 1 << 40, "repetition_penalty": 1e-3}):
            with self.subTest(sampling):
                (self.model / "generation_config.json").write_text(json.dumps({"eos_token_id": 7} | sampling))
                self.compiled()
                package = json.loads(self.succeed("inspect", self.folder / "out", "--json"))
                self.assertEqual(package["generation"]["stop"], [7, 1, 5, 0])
                self.succeed("run", self.folder / "out", "--prompt", "ROMEO:", "-n", 3)

    def test_top_p_of_zero_takes_the_best_token(self):
        self.compiled()
        words = ["run", self.folder / "out", "--prompt", "ROMEO:", "-n", 20]
        self.assertEqual(self.succeed(*words, "--temp", 1, "--top-p", 0, "--top-k", 0), self.succeed(*words, "--temp", 0))


class Numbers(CheckpointTest):
    def test_what_is_not_finite_is_named(self):
        def spoil(tensors):
            dtype, shape, data = tensors["model.layers.3.mlp.down_proj.weight"]
            at = 2 * (5 * shape[1] + 7)
            tensors["model.layers.3.mlp.down_proj.weight"] = (dtype, shape, data[:at] + b"\xc0\x7f" + data[at + 2:])

        self.edit_tensors(spoil)
        for scheme in ("f32", "bf16", "q8_0", "q4_0"):
            said = self.refuse(1, "compile", self.model, "--scheme", scheme, "-o", self.folder / "out")
            self.assertIn("model.safetensors: tensor 'model.layers.3.mlp.down_proj.weight': number [5, 7] is nan, "
                          "but every weight must be finite\n", said)
            self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
