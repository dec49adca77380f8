"""The rest of what stable_diffusion.py writes: what makes its parts into whole models (model_index.json, schedulers), one of them as a
single-file checkpoint, and what diffusers draws with each from the same noise, down to the latent and the picture. Times and
trajectories of its schedulers too, with a formula in the place of a network."""
import json
import os

import torch
from diffusers import (
    AutoencoderKL, AutoencoderTiny, DDIMScheduler, EulerDiscreteScheduler, LCMScheduler, LatentConsistencyModelPipeline,
    StableDiffusionPipeline, StableDiffusionXLPipeline, TCDScheduler, UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from single_file import kl_singles, singles

NOISE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
EULER = dict(NOISE, _class_name="EulerDiscreteScheduler", prediction_type="epsilon")
SCHEDULERS = {  # as the files of these models have them
    "sd1": dict(NOISE, _class_name="PNDMScheduler", set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1, clip_sample=False),
    "turbo": dict(EULER, timestep_spacing="trailing"),
    "sdxl": dict(EULER, timestep_spacing="leading", steps_offset=1),
    "sdxs": dict(EULER, timestep_spacing="trailing"),
}
CLASSES = {"sd1": "StableDiffusionPipeline", "turbo": "StableDiffusionPipeline", "sdxs": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
TINY = {"sdxs"}
PROMPT = "A photo of an astronaut, riding a horse!"
# Not compared: one step that begins near the picture; trailing steps of DDIM that are not where it takes them to be
STEPS = {"DDIM leading": (2, 4, 7), "DDIM v": (2, 4, 7), "Euler leading": (2, 4, 7), "Euler linspace": (2, 4, 7), "DDIM trailing": (1, 2, 4)}
DDIM = dict(NOISE, set_alpha_to_one=True, steps_offset=1, clip_sample=False)  # to the picture itself, as is drawn here


def index(name, second):
    text = ["transformers", "CLIPTextModel"]
    parts = {"_class_name": CLASSES[name], "scheduler": ["diffusers", SCHEDULERS[name]["_class_name"]], "text_encoder": text}
    parts |= {"tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"]}
    parts["vae"] = ["diffusers", "AutoencoderTiny" if name in TINY else "AutoencoderKL"]
    if second:
        parts |= {"text_encoder_2": ["transformers", "CLIPTextModelWithProjection"], "tokenizer_2": ["transformers", "CLIPTokenizer"]}
    return parts | {"force_zeros_for_empty_prompt": True} if second else parts


def write_json(data, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def loaded(root, name, scheduler, unet=None, kind=None):
    folder = f"{root}/{name}"
    second = name == "sdxl"
    parts = dict(
        unet=UNet2DConditionModel.from_pretrained(unet or f"{folder}/unet"),
        vae=(AutoencoderTiny if name in TINY else AutoencoderKL).from_pretrained(f"{folder}/vae"),
        text_encoder=CLIPTextModel.from_pretrained(f"{folder}/text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(f"{folder}/tokenizer"),
        scheduler=scheduler,
    )
    if second:
        parts |= dict(text_encoder_2=CLIPTextModelWithProjection.from_pretrained(f"{folder}/text_encoder_2"))
        parts |= dict(tokenizer_2=CLIPTokenizer.from_pretrained(f"{folder}/tokenizer_2"))
        return StableDiffusionXLPipeline(**parts, add_watermarker=False).to(torch.float32)
    return (kind or StableDiffusionPipeline)(**parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False).to(torch.float32)


def save_golden(golden, root):
    """Pictures as halves: 70 dB are enough to tell 60."""
    kept = {key: value.half() if key.endswith("picture") else value for key, value in golden.items()}
    save_file({key: value.contiguous() for key, value in kept.items()}, f"{root}/pipelines.safetensors")


def draws(pipe, noise, steps, guidance, **more):
    """The latent at the end, and its picture around [-1, 1]."""
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        latent = pipe(
            PROMPT, latents=noise, num_inference_steps=steps, guidance_scale=guidance, height=32, width=32, output_type="latent", **more
        ).images
        return latent, pipe.vae.decode(latent / pipe.vae.config.scaling_factor).sample


def recorded(module):
    """Noise that a scheduler draws, kept."""
    kept = []

    def drawn(shape, **_):
        kept.append(torch.randn(shape))
        return kept[-1]

    module.randn_tensor = drawn
    return kept


def pipelines(root):
    from diffusers.schedulers import scheduling_lcm

    noise = torch.randn(1, 4, 4, 4)
    golden = {"noise": noise}
    runs = {
        "sd1": (DDIMScheduler(**DDIM), 3, 7.5, {}),
        "turbo": (EulerDiscreteScheduler.from_config(SCHEDULERS["turbo"]), 2, 0.0, {}),
        "sdxl": (EulerDiscreteScheduler.from_config(SCHEDULERS["sdxl"]), 3, 5.0, {}),
        "sdxs": (EulerDiscreteScheduler.from_config(SCHEDULERS["sdxs"]), 1, 0.0, {}),
    }
    for name, (scheduler, steps, guidance, more) in runs.items():
        golden[f"{name}.latent"], golden[f"{name}.picture"] = draws(loaded(root, name, scheduler), noise, steps, guidance, **more)
    kept = recorded(scheduling_lcm)
    pipe = loaded(root, "sd1", LCMScheduler(**NOISE), f"{root}/lcm/unet", LatentConsistencyModelPipeline)
    golden["lcm.latent"], golden["lcm.picture"] = draws(pipe, noise, 4, 8.5)
    golden |= {f"lcm.noise.{at}": one for at, one in enumerate(kept)}
    save_golden(golden, root)
    for key, value in golden.items():
        print(key, tuple(value.shape), float(value.abs().max()))


def schedules(root):
    """Times of each scheduler, and where its steps lead when the network is a formula of the latent and the time."""
    from diffusers.schedulers import scheduling_lcm, scheduling_tcd

    kinds = {
        "DDIM leading": (DDIMScheduler, DDIM), "DDIM trailing": (DDIMScheduler, dict(DDIM, timestep_spacing="trailing")),
        "Euler leading": (EulerDiscreteScheduler, dict(NOISE, timestep_spacing="leading", steps_offset=1)),
        "Euler trailing": (EulerDiscreteScheduler, dict(NOISE, timestep_spacing="trailing")),
        "Euler linspace": (EulerDiscreteScheduler, dict(NOISE, timestep_spacing="linspace")),
        "DDIM v": (DDIMScheduler, dict(DDIM, prediction_type="v_prediction")),
        "LCM": (LCMScheduler, NOISE), "TCD": (TCDScheduler, NOISE),
    }
    rows = []
    for name, (kind, config) in kinds.items():
        kept = {LCMScheduler: recorded(scheduling_lcm), TCDScheduler: recorded(scheduling_tcd)}.get(kind, [])
        for steps in STEPS.get(name, (1, 2, 4, 7)):
            kept.clear()
            scheduler = kind(**config)
            scheduler.set_timesteps(steps)
            noise = torch.randn(4)
            x, path = noise * scheduler.init_noise_sigma, []
            for at, t in enumerate(scheduler.timesteps):
                z = scheduler.scale_model_input(x, t)
                predicted = torch.tanh(z) * 0.7 + float(t) / 2000
                x = scheduler.step(predicted, t, x).prev_sample
                path.append(x.tolist())
            row = {"scheduler": name, "config": {**config, "_class_name": kind.__name__}, "steps": steps, "noise": noise.tolist()}
            rows.append(row | {"times": scheduler.timesteps.tolist(), "fresh": [one.tolist() for one in kept], "path": path})
    with open(f"{root}/schedules.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


def single(root, vocabulary, length):
    """SD 1 as one file. Its heads, groups and activation are what such files do not say, so they are the usual ones."""
    torch.manual_seed(18)
    sizes = dict(block_out_channels=(8, 8), down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"], cross_attention_dim=8)
    sizes |= dict(up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"], norm_num_groups=8, layers_per_block=1, attention_head_dim=8, sample_size=4)
    kl = dict(block_out_channels=(4, 4, 4, 4), norm_num_groups=4, layers_per_block=1, latent_channels=4)
    kl |= dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4)
    clip = dict(vocab_size=vocabulary, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=1, hidden_act="quick_gelu")
    clip |= dict(max_position_embeddings=length, bos_token_id=0, eos_token_id=2)
    parts = [UNet2DConditionModel(**sizes), AutoencoderKL(**kl), CLIPTextModel(CLIPTextConfig(**clip))]
    for parameter in (p for part in parts for p in part.parameters()):
        parameter.data = (torch.randn_like(parameter) * 0.3).half().float()
    unet, vae, text = [part.eval() for part in parts]
    tables = singles(unet.state_dict(), {}, (1, [0, 1], 1)), kl_singles(vae.state_dict(), dict(vae.config), 4, 1)
    tensors = {f"model.diffusion_model.{tables[0][key]}": value for key, value in unet.state_dict().items()}
    for key, value in vae.state_dict().items():
        matrix = "attentions" in key and key.endswith("weight") and "norm" not in key
        tensors[f"first_stage_model.{tables[1][key]}"] = value[:, :, None, None] if matrix else value
    tensors |= {f"cond_stage_model.transformer.{key}": value for key, value in text.state_dict().items()}
    os.makedirs(f"{root}/single", exist_ok=True)
    save_file({key: value.half().contiguous() for key, value in tensors.items()}, f"{root}/single/tiny.safetensors")
    tokens = CLIPTokenizer.from_pretrained(f"{root}/sd1/tokenizer")
    pipe = StableDiffusionPipeline(
        unet=unet, vae=vae, text_encoder=text, tokenizer=tokens, scheduler=DDIMScheduler(**DDIM),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )
    noise = load_file(f"{root}/pipelines.safetensors")["noise"]
    latent, picture = draws(pipe, noise, 4, 7.5)
    golden = load_file(f"{root}/pipelines.safetensors") | {"single.latent": latent, "single.picture": picture}
    save_golden(golden, root)


def write_all(root, vocabulary, length):
    for name, scheduler in SCHEDULERS.items():
        write_json(scheduler, f"{root}/{name}/scheduler/scheduler_config.json")
        write_json(index(name, name == "sdxl"), f"{root}/{name}/model_index.json")
    pipelines(root)
    single(root, vocabulary, length)
    schedules(root)
