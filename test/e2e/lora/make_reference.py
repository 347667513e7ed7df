#!/usr/bin/env python3
"""Makes the adapters of this folder and what transformers with PEFT computes with them (torch, transformers, peft of PyPI, on CPU).

    make_reference.py ../../../examples/bard-e2b

Seeded: the same versions give the same bytes. reference.safetensors has `ids`, and for each use of the adapters every 8th logit of every
position, in float32 on the model's bf16 weights. Its metadata says which libraries made it.
"""
import json
import pathlib
import shutil
import sys

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
CONFIGS = {
    # Ranks and alphas of single modules, by name and by regular expression; adapters on layers that share keys, too.
    "ranks": LoraConfig(r=3, lora_alpha=6, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "down_proj", "per_layer_input_gate"],
                        layers_to_transform=[0, 1, 4, 6], rank_pattern={"q_proj": 5, r"layers\.[01]\.mlp\.down_proj": 2},
                        alpha_pattern={r".*layers\.(?:0|4)\.self_attn\.o_proj": 9, "o_proj": 4}, task_type="CAUSAL_LM"),
    # Magnitudes, the root of the rank, modules by a regular expression, a matrix of the model, a norm that was trained whole.
    "dora": LoraConfig(r=4, lora_alpha=3, use_dora=True, use_rslora=True, modules_to_save=["norm"], task_type="CAUSAL_LM",
                       target_modules=r".*\.(layers\.[29]\.(self_attn\.q_proj|mlp\.(gate|up)_proj)|per_layer_model_projection)"),
}


def base(checkpoint):
    return transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, attn_implementation="eager").eval()


def make(name, checkpoint):
    model = get_peft_model(base(checkpoint), CONFIGS[name])
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    with torch.no_grad():
        for key, value in sorted(model.named_parameters()):
            noise = torch.randn(value.shape, generator=generator)
            if "lora_A" in key or "lora_B" in key:
                value.copy_(noise * 0.12)
            elif "lora_magnitude" in key or "modules_to_save" in key:
                value.mul_(1 + 0.2 * noise)
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    # Half the size, and numbers that both sides read alike.
    tensors = {key: value.bfloat16().contiguous() for key, value in load_file(folder / "adapter_model.safetensors").items()}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "bard-e2b"
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0, :, ::8].float().contiguous()


def adapted(model, name, scale=1.0):
    model = PeftModel.from_pretrained(model, HERE / name)
    for module in model.modules():
        if hasattr(module, "scale_layer"):
            module.scale_layer(scale)
    return model


def main(checkpoint):
    for name in CONFIGS:
        make(name, checkpoint)
    ids = [2] + [int(17 + 31 * i % 1800) for i in range(23)]
    results = {"ids": torch.tensor(ids, dtype=torch.int32), "base": logits(base(checkpoint), ids)}
    results["ranks"] = logits(adapted(base(checkpoint), "ranks"), ids)
    results["ranks:-0.5"] = logits(adapted(base(checkpoint), "ranks", -0.5), ids)
    results["dora"] = logits(adapted(base(checkpoint), "dora"), ids)
    results["ranks:0.5 dora"] = logits(adapted(adapted(base(checkpoint), "ranks", 0.5).merge_and_unload(), "dora"), ids)
    for name, value in results.items():
        if name not in ("ids", "base"):
            print(name, "moves logits by", float((value - results["base"]).abs().max()))
    made = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
    save_file(results, HERE / "reference.safetensors", metadata=made)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
