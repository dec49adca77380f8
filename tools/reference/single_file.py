"""The layout of single-file checkpoints: names of all that a network may have there, from the layout's own rule, and of what is there by
diffusers' converters, so that neither can be wrong alone."""
import torch
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint


def parts(place, *names):
    return [f"{place}.{name}" for name in names]


def resnet(place):
    return parts(place, "in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection")


def transformer(place, depth):
    attention = [f"attn{n}.{part}" for n in (1, 2) for part in ("to_q", "to_k", "to_v", "to_out.0")]
    inner = [*attention, "ff.net.0.proj", "ff.net.2", "norm1", "norm2", "norm3"]
    blocks = [name for d in range(depth) for name in parts(f"{place}.transformer_blocks.{d}", *inner)]
    return [*parts(place, "norm", "proj_in", "proj_out"), *blocks]


def single_file(layers, depths, middle):
    """Every module that there may be; skip connections that a shape does not need fall away later."""
    names = ["input_blocks.0.0", "time_embed.0", "time_embed.2", "label_emb.0.0", "label_emb.0.2", "out.0", "out.2"]
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


def singles(keys, config, sizes):
    """Single-file name of every key, without "model.diffusion_model."."""
    layers, depths, middle = sizes
    names = [f"{name}.{end}" for name in single_file(layers, depths, middle) for end in ("weight", "bias")]
    numbered = {f"model.diffusion_model.{name}": torch.tensor([at]) for at, name in enumerate(names)}
    extra = {"layers_per_block": layers, "class_embed_type": None, "addition_embed_type": config.get("addition_embed_type")}
    converted = convert_ldm_unet_checkpoint(numbered, extra)
    table = {key: names[int(at)] for key, at in converted.items()}
    lost = set(keys) - set(table) - {"time_embedding.cond_proj.weight"}  # LCM's own, which no single file of CompVis's had
    spare = {key for key in set(table) - set(keys) if "conv_shortcut" not in key and not key.endswith("bias")}
    assert not lost and not spare, (sorted(lost)[:5], sorted(spare)[:5])
    return table


def kl_resnet(place):
    return parts(place, "norm1", "conv1", "norm2", "conv2", "nin_shortcut")


def kl_names(levels, layers):
    """Every module of an autoencoder, as CompVis has them."""
    names = ["quant_conv", "post_quant_conv"]
    for side, count in (("encoder", layers), ("decoder", layers + 1)):
        way = "down" if side == "encoder" else "up"
        names += parts(side, "conv_in", "norm_out", "conv_out", *parts("mid.attn_1", "norm", "q", "k", "v", "proj_out"))
        names += kl_resnet(f"{side}.mid.block_1") + kl_resnet(f"{side}.mid.block_2")
        for level in range(levels):
            names += [name for layer in range(count) for name in kl_resnet(f"{side}.{way}.{level}.block.{layer}")]
            if level != (levels - 1 if way == "down" else 0):
                names += [f"{side}.{way}.{level}.{way}sample.conv"]
    return names


def kl_singles(keys, config, levels, layers):
    """Single-file name of every key of an autoencoder, without "first_stage_model."."""
    names = [f"{name}.{end}" for name in kl_names(levels, layers) for end in ("weight", "bias")]
    numbered = {f"first_stage_model.{name}": torch.tensor([[[at]]]) for at, name in enumerate(names)}
    table = {key: names[int(at)] for key, at in convert_ldm_vae_checkpoint(numbered, config).items()}
    assert not set(keys) - set(table), sorted(set(keys) - set(table))[:5]
    return table
