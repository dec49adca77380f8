"""Adapters for the tiny models of stable_diffusion.py as each tool writes them, and what the models say with them, by diffusers, PEFT and
LyCORIS's own functions: the U-Net's prediction and the text's features. Few modules of each kind, so that the files stay small.
Usage: python3 tools/reference/adapters.py test/fixtures/open-weights/stable-diffusion
(torch 2.13, transformers 4.57.6, diffusers 0.39, peft 0.21.2, lycoris-lora 4.1.3)"""
import json
import os
import shutil
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from lycoris.functional import loha, lokr
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import CLIPTextModel

from pipelines import DDIM, loaded
from single_file import singles

R, ALPHA = 2, 3.0
BLOCK = "down_blocks.{}.attentions.0.transformer_blocks.0."
UNET = ["attn1.to_q", "attn2.to_k", "attn2.to_out.0", "ff.net.0.proj"]
TEXT = [f"text_model.encoder.layers.0.{name}" for name in ("self_attn.q_proj", "self_attn.out_proj", "mlp.fc1")]
CONVS = ["conv_in", "down_blocks.0.resnets.0.conv1", "down_blocks.0.downsamplers.0.conv", "mid_block.resnets.0.conv2"]
golden = {}


def modules(block):
    return [BLOCK.format(block) + name for name in UNET] + [f"down_blocks.{block}.attentions.0.proj_in", "mid_block.resnets.0.time_emb_proj"]


def drawn(*shape):
    return (torch.randn(*shape) * 0.4).half().float()


def pair(weight, rank=R):
    """A and B of a weight, as LoRA for it."""
    out, inner, *kernel = weight.shape
    return drawn(rank, inner, *kernel), drawn(out, rank, *[1 for _ in kernel])


def file(root, name, tensors, metadata=None):
    os.makedirs(f"{root}/adapters", exist_ok=True)
    kept = {key: value.half().contiguous() if value.dim() else value for key, value in tensors.items()}
    save_file(kept, f"{root}/adapters/{name}.safetensors", metadata=metadata)


def seen(name, unet, told, text=None):
    with torch.no_grad():
        golden[f"{name}.unet"] = unet(golden["x"], 501, golden["context"], **told).sample
        if text is not None:
            golden[f"{name}.text"] = text(golden["ids"].long()).last_hidden_state[:, :8]


def parts(root, name):
    return loaded(root, name, DDIMScheduler(**DDIM))


def kohya(root):
    pipe = parts(root, "sd1")
    tensors = {}
    for net, prefix, names in ((pipe.unet, "lora_unet_", modules(0)), (pipe.text_encoder, "lora_te_", TEXT)):
        for module in names:
            key = prefix + module.replace(".", "_")
            tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"] = pair(net.get_submodule(module).weight)
            tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    counted = json.dumps({"10_ink": {"ink style": 5, "a fox": 2}})
    file(root, "kohya", tensors, {"ss_base_model_version": "sd_v1", "modelspec.trigger_phrase": "ink style", "ss_tag_frequency": counted})
    pipe.load_lora_weights(f"{root}/adapters", weight_name="kohya.safetensors", adapter_name="a")
    pipe.set_adapters(["a"], [0.7])
    seen("kohya", pipe.unet, {}, pipe.text_encoder)


def locon(root):
    pipe = parts(root, "sd1")
    tensors = {}
    for module in CONVS + modules(0)[:2]:
        key = "lora_unet_" + module.replace(".", "_")
        tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"] = pair(pipe.unet.get_submodule(module).weight)
        tensors[f"{key}.alpha"] = torch.tensor(1.0)
    file(root, "locon", tensors)
    pipe.load_lora_weights(f"{root}/adapters", weight_name="locon.safetensors")
    seen("locon", pipe.unet, {})


def kohya_xl(root):
    """The U-Net's modules as single files call them."""
    pipe = parts(root, "sdxl")
    config = dict(pipe.unet.config)
    table = singles(pipe.unet.state_dict(), config, (1, [0, 2], 2))
    tensors = {}
    for module in modules(1) + [BLOCK.format(1).replace("blocks.0.", "blocks.1.") + "attn1.to_v"]:
        key = "lora_unet_" + table[f"{module}.weight"].removesuffix(".weight").replace(".", "_")
        tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"] = pair(pipe.unet.get_submodule(module).weight)
        tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    for net, prefix in ((pipe.text_encoder, "lora_te1_"), (pipe.text_encoder_2, "lora_te2_")):
        for module in TEXT:
            key = prefix + module.replace(".", "_")
            tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"] = pair(net.get_submodule(module).weight)
            tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    file(root, "kohya-xl", tensors, {"ss_base_model_version": "sdxl_base_v1-0"})
    pipe.load_lora_weights(f"{root}/adapters", weight_name="kohya-xl.safetensors")
    seen("kohya-xl", pipe.unet, {"added_cond_kwargs": {"text_embeds": golden["pooled"], "time_ids": golden["sizes"]}})
    with torch.no_grad():
        found = [net(golden["ids"].long(), output_hidden_states=True) for net in (pipe.text_encoder, pipe.text_encoder_2)]
    golden["kohya-xl.text"] = torch.cat([one.hidden_states[-2] for one in found], -1)[:, :8]
    golden["kohya-xl.pooled"] = found[1].text_embeds


def diffusers(root):
    """As save_lora_weights writes it now."""
    pipe = parts(root, "sd1")
    pipe.unet.add_adapter(LoraConfig(r=R, lora_alpha=ALPHA, target_modules=modules(0), init_lora_weights=False))
    pipe.text_encoder.add_adapter(LoraConfig(r=R, lora_alpha=5, target_modules=TEXT, init_lora_weights=False))
    for net in (pipe.unet, pipe.text_encoder):
        for name, parameter in net.named_parameters():
            if "lora_" in name:
                parameter.data = drawn(*parameter.shape)
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    states = [convert_state_dict_to_diffusers(get_peft_model_state_dict(net)) for net in (pipe.unet, pipe.text_encoder)]
    configs = [net.peft_config["default"].to_dict() for net in (pipe.unet, pipe.text_encoder)]
    StableDiffusionPipeline.save_lora_weights(
        f"{root}/adapters", unet_lora_layers={key: value.half() for key, value in states[0].items()},
        text_encoder_lora_layers={key: value.half() for key, value in states[1].items()}, weight_name="diffusers.safetensors",
        unet_lora_adapter_metadata=configs[0], text_encoder_lora_adapter_metadata=configs[1],
    )
    seen("diffusers", pipe.unet, {}, pipe.text_encoder)


def peft(root, name, **how):
    unet = UNet2DConditionModel.from_pretrained(f"{root}/sd1/unet").float()
    model = get_peft_model(unet, LoraConfig(r=R, lora_alpha=ALPHA, init_lora_weights=False, **how))
    for key, parameter in model.named_parameters():
        if "lora_" in key:
            parameter.data = drawn(*parameter.shape).abs() + 0.2 if "magnitude" in key else drawn(*parameter.shape)
    model.half().save_pretrained(f"{root}/adapters/{name}")
    model.float().eval()
    os.remove(f"{root}/adapters/{name}/README.md")
    seen(name, model, {})


def lycoris(root):
    """LoHa and LoKr: LyCORIS's names and functions."""
    for name, change in (("loha", hada), ("lokr", kron)):
        unet = UNet2DConditionModel.from_pretrained(f"{root}/sd1/unet").float()
        tensors = {}
        for module in modules(0)[:4] + (CONVS[1:2] if name == "loha" else []):
            weight = unet.get_submodule(module).weight
            found, delta = change(weight)
            key = "lora_unet_" + module.replace(".", "_")
            tensors |= {f"{key}.{part}": value for part, value in found.items()} | {f"{key}.alpha": torch.tensor(ALPHA)}
            weight.data += delta.reshape(weight.shape)
        file(root, name, tensors)
        seen(name, unet, {})


def hada(weight):
    out, wide = weight.shape[0], weight[0].numel()
    found = {"hada_w1_a": drawn(out, R), "hada_w1_b": drawn(R, wide), "hada_w2_a": drawn(out, R), "hada_w2_b": drawn(R, wide)}
    order = ("hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a")
    return found, loha.diff_weight(*[found[key] for key in order], None, None, gamma=torch.tensor(ALPHA / R))


def kron(weight):
    """The second factor of low rank, where it has more than two rows."""
    out, inner = weight.shape
    c, d = out // 2, inner // 2
    found = {"lokr_w1": drawn(2, 2), "lokr_w2_a": drawn(c, R), "lokr_w2_b": drawn(R, d)}
    return found, lokr.kron_weight(found["lokr_w1"], None, None, None, found["lokr_w2_a"], found["lokr_w2_b"], None, scale=ALPHA / R)


def write_all(root):
    torch.manual_seed(19)
    shutil.rmtree(f"{root}/adapters", ignore_errors=True)
    golden.update(x=torch.randn(1, 4, 4, 4), context=torch.randn(1, 5, 8), pooled=torch.randn(1, 12))
    golden["sizes"] = torch.tensor([[32.0, 32, 0, 0, 32, 32]])
    golden["ids"] = torch.tensor([[598, 320, 541, 97, 100, *[599] * 72]]).int()
    kohya(root)
    locon(root)
    kohya_xl(root)
    diffusers(root)
    half = modules(0)[:3]
    peft(root, "peft", target_modules=modules(0), use_rslora=True, rank_pattern={"attn1.to_q": 4}, alpha_pattern={"attn2.to_k": 1})
    peft(root, "dora", target_modules=half + CONVS[1:2], use_dora=True)
    lycoris(root)
    save_file({key: value.contiguous() for key, value in golden.items()}, f"{root}/adapters/golden.safetensors")
    for key, value in golden.items():
        print(key, tuple(value.shape), round(float(value.float().abs().max()), 3))


if __name__ == "__main__":
    write_all(sys.argv[1])
