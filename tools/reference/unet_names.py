"""Writes the names of U-Nets as diffusers and as single files have them, with shapes, for src/adapters: the single file's names from its
own rule, what they are in diffusers by diffusers' converter, shapes from diffusers' classes at full size (on "meta": no numbers).
Matrices and convolutions only, and of each stack of transformer blocks the first. One weight a line: diffusers, single file, shape.
Usage: python3 tools/reference/unet_names.py test/fixtures/open-weights/lora     (torch 2.13, diffusers 0.42)"""
import os
import sys

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

CROSS, PLAIN = "CrossAttn", ""
XL = dict(addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)
MODELS = {  # layers, depth of the transformer at each level, in the middle (None: no middle), the rest of diffusers' config
    "sd1": (2, [1, 1, 1, 0], 1, dict(cross_attention_dim=768, attention_head_dim=8)),
    "sdxl": (2, [0, 2, 10], 10, dict(cross_attention_dim=2048, attention_head_dim=[5, 10, 20], use_linear_projection=True, **XL)),
    "sdxs": (1, [0, 1, 1], None, dict(cross_attention_dim=768, attention_head_dim=8)),
}
BLOCK = [f"attn{n}.{part}" for n in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")] + ["ff.net.0.proj", "ff.net.2"]


def resnet(place):
    return [f"{place}.{part}" for part in ("in_layers.2", "emb_layers.1", "out_layers.3", "skip_connection")]


def transformer(place, depth):
    return [f"{place}.proj_in", f"{place}.proj_out"] + [f"{place}.transformer_blocks.{d}.{part}" for d in range(depth) for part in BLOCK]


def single_file(layers, depths, middle):
    """Every name that there may be; skip connections that a shape does not need fall away later."""
    names = ["input_blocks.0.0", "time_embed.0", "time_embed.2", "label_emb.0.0", "label_emb.0.2", "out.2"]
    at = 1
    for level, depth in enumerate(depths):
        for _ in range(layers):
            names += resnet(f"input_blocks.{at}.0") + (transformer(f"input_blocks.{at}.1", depth) if depth else [])
            at += 1
        if level < len(depths) - 1:
            names += [f"input_blocks.{at}.0.op"]
            at += 1
    if middle is not None:
        names += resnet("middle_block.0") + transformer("middle_block.1", middle) + resnet("middle_block.2")
    at = 0
    for level in reversed(range(len(depths))):
        for layer in range(layers + 1):
            names += resnet(f"output_blocks.{at}.0") + (transformer(f"output_blocks.{at}.1", depths[level]) if depths[level] else [])
            if layer == layers and level > 0:
                names += [f"output_blocks.{at}.{2 if depths[level] else 1}.conv"]
            at += 1
    return names


def shapes(depths, layers, middle, config):
    kinds = [CROSS if depth else PLAIN for depth in depths]
    config = dict(config, layers_per_block=layers, block_out_channels=(320, 640, 1280, 1280)[: len(depths)])
    config["down_block_types"] = tuple(f"{kind}DownBlock2D" for kind in kinds)
    config["up_block_types"] = tuple(f"{kind}UpBlock2D" for kind in reversed(kinds))
    config["transformer_layers_per_block"] = tuple(depth or 1 for depth in depths)
    if middle is None:
        config["mid_block_type"] = None
    with torch.device("meta"):
        state = UNet2DConditionModel(**config).state_dict()
    return {key[: -len(".weight")]: list(value.shape) for key, value in state.items() if key.endswith(".weight") and value.dim() > 1}


for model, (layers, depths, middle, config) in MODELS.items():
    known = shapes(depths, layers, middle, config)
    names = single_file(layers, depths, middle)
    numbered = {f"model.diffusion_model.{name}.{end}": torch.tensor([at]) for at, name in enumerate(names) for end in ("weight", "bias")}
    extra = {"layers_per_block": layers, "class_embed_type": None, "addition_embed_type": config.get("addition_embed_type")}
    converted = convert_ldm_unet_checkpoint(numbered, extra)
    table = {key[: -len(".weight")]: names[int(at)] for key, at in converted.items() if key.endswith(".weight")}
    assert set(known) <= set(table), sorted(set(known) - set(table))[:5]
    spare = {name for name in set(table) - set(known) if "conv_shortcut" not in name}
    assert not spare, sorted(spare)[:5]
    rows = [(name, table[name], known[name]) for name in known if "transformer_blocks." not in name or "transformer_blocks.0." in name]
    with open(os.path.join(sys.argv[1], f"{model}.tsv"), "w") as file:
        file.writelines(f"{name}\t{single}\t{','.join(map(str, shape))}\n" for name, single, shape in rows)
    print(f"{model}: {len(known)} weights, {len(rows)} written")
