"""Writes the names and shapes of every weight of the full-size models, as their files have them, without a number: true configs, built
on "meta" by the classes that users of the files load them with. U-Nets also with the name of each weight in a single-file checkpoint:
from that layout's own rule, what it is in diffusers by diffusers' converter.
Usage: python3 tools/reference/keys.py NITRO TAESD test/fixtures/open-weights/keys.json.gz
NITRO and TAESD: folders of github.com/AMD-AGI/Nitro-E (9f12d73) and github.com/madebyollin/taesd (5cccb12)
(torch 2.13, transformers 4.57.6, diffusers 0.39, einops)"""
import gzip
import json
import os
import sys

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, LlamaConfig, LlamaModel

from single_file import singles

sys.path[:0] = sys.argv[1:3]
from core.models.transformer_emmdit import EMMDiTTransformer  # noqa: E402
from taesd import F32Decoder, F32Encoder  # noqa: E402


def unet(layers, depths, middle, **config):
    """depths: transformer blocks of each level, 0 where it has no attention; middle None: there is none."""
    kinds = ["CrossAttn" if depth else "" for depth in depths]
    config = dict(config, layers_per_block=layers, block_out_channels=[320, 640, 1280, 1280][: len(depths)])
    config["down_block_types"] = [f"{kind}DownBlock2D" for kind in kinds]
    config["up_block_types"] = [f"{kind}UpBlock2D" for kind in reversed(kinds)]
    if max(depths) > 1:
        config["transformer_layers_per_block"] = [depth or 1 for depth in depths]
    if middle is None:
        config["mid_block_type"] = None
    return UNet2DConditionModel, config, (layers, depths, middle)


def clip(kind=CLIPTextModel, **config):
    return kind, config, None


TURBO = dict(attention_head_dim=[5, 10, 20, 20], cross_attention_dim=1024, use_linear_projection=True)
XL = dict(attention_head_dim=[5, 10, 20], cross_attention_dim=2048, use_linear_projection=True, addition_embed_type="text_time")
XL |= dict(addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)
CLIP_L = dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, num_hidden_layers=12, hidden_act="quick_gelu", eos_token_id=2)
CLIP_H = dict(hidden_size=1024, intermediate_size=4096, num_attention_heads=16, num_hidden_layers=23, hidden_act="gelu")
CLIP_G = dict(hidden_size=1280, intermediate_size=5120, num_attention_heads=20, num_hidden_layers=32, hidden_act="gelu", projection_dim=1280)
LLAMA = dict(vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, head_dim=64)
LLAMA |= dict(num_key_value_heads=8, rms_norm_eps=1e-5, rope_theta=500000.0, max_position_embeddings=131072, tie_word_embeddings=True)
LLAMA |= dict(bos_token_id=128000, eos_token_id=128001)
LLAMA |= dict(rope_scaling=dict(factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192, rope_type="llama3"))
KL = dict(block_out_channels=[128, 256, 512, 512], layers_per_block=2, latent_channels=4, norm_num_groups=32)
KL |= dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)

MODELS = {
    "sd1/unet": unet(2, [1, 1, 1, 0], 1, cross_attention_dim=768, attention_head_dim=8),
    "sd1/text_encoder": clip(**CLIP_L),
    "sd1/vae": (AutoencoderKL, KL, None),
    "lcm/unet": unet(2, [1, 1, 1, 0], 1, cross_attention_dim=768, attention_head_dim=8, time_cond_proj_dim=256),
    "turbo/unet": unet(2, [1, 1, 1, 0], 1, **TURBO),
    "turbo/text_encoder": clip(**CLIP_H),
    "sdxl/unet": unet(2, [0, 2, 10], 10, **XL),
    "sdxl/text_encoder_2": clip(CLIPTextModelWithProjection, **CLIP_G),
    "sdxs/unet": unet(1, [0, 1, 1], None, cross_attention_dim=768, attention_head_dim=8),
    "sdxs/vae": (AutoencoderTiny, {}, None),
    "nitro/transformer": (EMMDiTTransformer, {}, None),
    "nitro/text_encoder": (LlamaModel, LLAMA, None),
    "taesana/decoder": (F32Decoder, {}, None),
    "taesana/encoder": (F32Encoder, {}, None),
}


def built(kind, config):
    """The model and, for a test, its config as its folder would have it."""
    of_transformers = {CLIPTextModel: CLIPTextConfig, CLIPTextModelWithProjection: CLIPTextConfig, LlamaModel: LlamaConfig}.get(kind)
    with torch.device("meta"):
        return kind(of_transformers(**config)) if of_transformers else kind(**config)


if __name__ == "__main__":
    found = {}
    for name, (kind, config, sizes) in MODELS.items():
        keys = {key: list(value.shape) for key, value in built(kind, config).state_dict().items()}
        table = singles(keys, config, sizes) if sizes else {}
        found[name] = {"config": config, "weights": [[key, shape, *([table[key]] if key in table else [])] for key, shape in keys.items()]}
        print(f"{name}: {len(keys)} weights, {sum(torch.Size(shape).numel() for shape in keys.values())} numbers")
    packed = gzip.compress(json.dumps(found, separators=(",", ":")).encode(), 9, mtime=0)
    with open(sys.argv[3], "wb") as file:
        file.write(packed)
    print(os.path.getsize(sys.argv[3]), "bytes")
