"""Writes the fixtures of src/models/stable-diffusion: tiny models of each kind in diffusers' own layout (float16, every parameter drawn
from N(0, 0.3), so that no weight that begins as 0 or 1 hides a mistake), and beside each model what diffusers and transformers compute
with it in float32 (golden.safetensors). The tokenizer has the first merges of CLIP's own list (MIT, from open_clip_torch).
Usage: python3 tools/reference/stable_diffusion.py bpe_simple_vocab_16e6.txt.gz test/fixtures/open-weights/stable-diffusion
(torch 2.13, transformers 4.57.6, diffusers 0.39)"""
import gzip
import json
import os
import shutil
import sys

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, LatentConsistencyModelPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizerFast

import pipelines

MERGES = 86
VOCABULARY = 512 + MERGES + 2
LENGTH = 77
TEXTS = ["a photo of an astronaut riding a horse", "word " * 100]
torch.manual_seed(17)


def drawn(model):
    """Every parameter anew, as float16 holds it; computes in float32."""
    for parameter in model.parameters():
        parameter.data = (torch.randn_like(parameter) * 0.3).half().float()
    return model.eval()


def saved(model, folder):
    """In float16, without what only tells versions."""
    model.half().save_pretrained(folder)
    model.float()
    path = os.path.join(folder, "config.json")
    config = {key: value for key, value in json.load(open(path)).items() if "version" not in key}
    with open(path, "w") as file:
        json.dump(config, file, indent=1)
        file.write("\n")


def tokenizer(merges_gz, folder, pad):
    lines = gzip.open(merges_gz).read().decode().split("\n")[1 : MERGES + 1]
    letters = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    signs = [chr(b) for b in letters] + [chr(256 + i) for i in range(256 - len(letters))]
    words = signs + [sign + "</w>" for sign in signs] + [line.replace(" ", "") for line in lines] + ["<|startoftext|>", "<|endoftext|>"]
    os.makedirs(folder, exist_ok=True)
    json.dump({word: at for at, word in enumerate(words)}, open(f"{folder}/vocab.json", "w"), ensure_ascii=False, separators=(",", ":"))
    open(f"{folder}/merges.txt", "w").write("#version: 0.2\n" + "\n".join(lines) + "\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": pad}
    json.dump(special, open(f"{folder}/special_tokens_map.json", "w"), indent=1)
    config = {"model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer", **special}
    json.dump(config, open(f"{folder}/tokenizer_config.json", "w"), indent=1)
    made = CLIPTokenizerFast(f"{folder}/vocab.json", f"{folder}/merges.txt", model_max_length=LENGTH, **special)
    return lambda text: made(text, padding="max_length", max_length=LENGTH, truncation=True).input_ids


def text_encoder(folder, ids, kind=CLIPTextModel, **config):
    sizes = dict(vocab_size=VOCABULARY, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2)
    model = drawn(kind(CLIPTextConfig(**{**sizes, "max_position_embeddings": LENGTH, **config})))
    saved(model, folder)
    with torch.no_grad():
        out = model(ids, output_hidden_states=True)
    pooled = out.text_embeds if kind is CLIPTextModelWithProjection else out.pooler_output
    return {"last": out.last_hidden_state, "before": out.hidden_states[-2], "pooled": pooled}


def text_fixtures(root, merges_gz):
    encode = tokenizer(merges_gz, f"{root}/sd1/tokenizer", "<|endoftext|>")
    for name, pad in (("turbo/tokenizer", "!"), ("sdxl/tokenizer", "<|endoftext|>"), ("sdxl/tokenizer_2", "!"), ("sdxs/tokenizer", "<|endoftext|>")):
        tokenizer(merges_gz, f"{root}/{name}", pad)
    ids = torch.tensor([encode(text) for text in TEXTS])
    old = dict(bos_token_id=0, eos_token_id=2)
    new = dict(bos_token_id=VOCABULARY - 2, eos_token_id=VOCABULARY - 1)
    models = {
        "sd1/text_encoder": dict(hidden_act="quick_gelu", **old),
        "turbo/text_encoder": dict(hidden_act="gelu", **old),
        "sdxl/text_encoder": dict(hidden_act="quick_gelu", hidden_size=4, **old),
        "sdxl/text_encoder_2": dict(hidden_act="gelu", hidden_size=4, kind=CLIPTextModelWithProjection, projection_dim=12, **new),
        "sdxs/text_encoder": dict(hidden_act="quick_gelu", **old),
    }
    golden = {"ids": ids.int()}
    for name, config in models.items():
        golden |= {f"{name}.{key}": value for key, value in text_encoder(f"{root}/{name}", ids, **config).items()}
    write(golden, f"{root}/text.safetensors")


UNET = dict(sample_size=4, norm_num_groups=2, cross_attention_dim=8, attention_head_dim=2, layers_per_block=1)
TWO, THREE = dict(block_out_channels=(4, 8)), dict(block_out_channels=(4, 4, 4))


def blocks(*cross):
    """Kinds of blocks by whether they have attention, the finest level first."""
    kinds = ["CrossAttn" if has else "" for has in cross]
    return dict(down_block_types=[f"{kind}DownBlock2D" for kind in kinds], up_block_types=[f"{kind}UpBlock2D" for kind in reversed(kinds)])


XL = dict(addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=12 + 6 * 4)
UNETS = {  # as the models of these names differ from each other
    "sd1": dict(**blocks(True, False), **TWO, layers_per_block=2),
    "lcm": dict(**blocks(True, False), **TWO, time_cond_proj_dim=6),
    "turbo": dict(**blocks(True, True), **TWO, attention_head_dim=[1, 4], use_linear_projection=True),
    "sdxl": dict(
        **blocks(False, True), **TWO, attention_head_dim=[1, 2], transformer_layers_per_block=[1, 2], use_linear_projection=True, **XL
    ),
    "sdxs": dict(**blocks(False, True, True), **THREE, mid_block_type=None),
}


def unet_fixtures(root):
    x, context = torch.randn(2, 4, 8, 4), torch.randn(2, 5, 8)
    time, scale = torch.tensor([999.0, 259.0]), torch.tensor([8.0, 1.5])
    pooled, sizes = torch.randn(2, 12), torch.tensor([[512.0, 640, 0, 32, 512, 640], [1024, 1024, 0, 0, 1024, 1024]])
    golden = dict(x=x, context=context, time=time, guidance=scale, pooled=pooled, sizes=sizes)
    for name, config in UNETS.items():
        model = drawn(UNet2DConditionModel(**{**UNET, **config}))
        saved(model, f"{root}/{name}/unet")
        told = {}
        if name == "lcm":
            told["timestep_cond"] = LatentConsistencyModelPipeline.get_guidance_scale_embedding(None, scale - 1, embedding_dim=6)
        if name == "sdxl":
            told["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": sizes}
        with torch.no_grad():
            golden[f"{name}/unet"] = model(x, time, context, **told).sample
    write(golden, f"{root}/unet.safetensors")


KL = dict(block_out_channels=(4, 4, 4, 4), norm_num_groups=2, layers_per_block=1, latent_channels=4)
KL |= dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)


def decoder_fixtures(root):
    """Its weights smaller than the others': relu after relu, nothing here is normalised."""
    widths = (4, 4, 4, 4)
    model = drawn(AutoencoderTiny(encoder_block_out_channels=widths, decoder_block_out_channels=widths))
    for parameter in model.parameters():
        parameter.data = (parameter.data * 0.6).half().float()
    saved(model, f"{root}/sdxs/vae")
    large = drawn(AutoencoderKL(**KL))
    for folder, scale in (("sd1", 0.18215), ("turbo", 0.18215), ("sdxl", 0.13025)):
        large.register_to_config(scaling_factor=scale)
        saved(large, f"{root}/{folder}/vae")
    latent = torch.randn(1, 4, 3, 2) * 2
    image = torch.rand(1, 3, 16, 24) * 2 - 1
    with torch.no_grad():
        golden = dict(latent=latent, image=image, decoded=model.decode(latent).sample, encoded=model.encode(image).latents)
        golden["kl.decoded"] = large.decode(latent / large.config.scaling_factor).sample
        golden["kl.encoded"] = large.encode(image).latent_dist.mean * large.config.scaling_factor
    write(golden, f"{root}/vae.safetensors")


def write(tensors, path):
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    print(path, os.path.getsize(path))


if __name__ == "__main__":
    merges_gz, root = sys.argv[1:]
    shutil.rmtree(root, ignore_errors=True)
    text_fixtures(root, merges_gz)
    unet_fixtures(root)
    decoder_fixtures(root)
    pipelines.write_all(root, VOCABULARY, LENGTH)
