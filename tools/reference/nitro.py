"""Writes the fixtures of src/models/nitro: a tiny model of each part in its real layout (every parameter drawn from N(0, 0.3), kept as
bfloat16 as the real files are, the decoder as float32) and beside it what the reference implementations compute with it in float32.
Usage: python3 tools/reference/nitro.py NITRO TAESD test/fixtures/open-weights/nitro
NITRO and TAESD: folders of github.com/AMD-AGI/Nitro-E (9f12d73) and github.com/madebyollin/taesd (5cccb12), which are only imported
(torch 2.13, transformers 4.57.6, diffusers 0.39, einops)"""
import json
import os
import shutil
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

sys.path[:0] = sys.argv[1:3]
import taesd  # noqa: E402
from core.models.transformer_emmdit import EMMDiTTransformer  # noqa: E402

LENGTH = 16  # tokens of a prompt; 128 in the real model
START, END = "<|begin_of_text|>", "<|end_of_text|>"
PIECES = (  # Llama 3's own
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "a hot air balloon in the shape of a heart, grand canyon", "a photo of an astronaut riding a horse on mars", "the cat sat on the mat",
    "portrait of a woman with freckles, golden hour, 85mm", "a red fox in the snow, photograph, 4k", "caf\u00e9 na\u00efve \u00fcber",
    "it's they're I've we'll he'd don't I'm", "12345 67890 1000 2026", "an oil painting of a starry night over the river and the town",
]
TEXTS = [
    "", " ", "a photo of an astronaut riding a horse", "A Hot air  Balloon!!", "it's THEY'RE i've we'LL he'd don't I\u2019m it'\u017f",
    "12345678 1,000.50", "caf\u00e9 cafe\u0301 \u732b \U0001f431\u200d", "line\nbreak\r\n\r\n  and spaces   ", "tabs\t\tand\u00a0no\u2003break\u3000",
    "a<|end_of_text|>b <|begin_of_text|>", "<|END_OF_TEXT|>", "__init__(self, *args) -> None:", "  leading", "trailing  ", "x\u0085y\ufeffz",
    "\u0414\u043e\u0431\u0440\u044b\u0439 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0928\u092e\u0938\u094d\u0924\u0947", "!?!? ... (a) [b] {c}",
    "the town the town", "\u00bd\u00b2\u2167", "a" * 60, "'s's 'S", "a  b   c    d", "<|finetune_right_pad_id|>",
]
torch.manual_seed(23)


def drawn(model, scale=0.3):
    """Every parameter anew, as bfloat16 holds it; computes in float32."""
    for parameter in model.parameters():
        parameter.data = (torch.randn_like(parameter) * scale).bfloat16().float()
    return model.eval()


def plain(config, path):
    with open(path, "w") as file:
        json.dump({key: value for key, value in config.items() if "version" not in key}, file, indent=1)
        file.write("\n")


def write(tensors, path, dtype=torch.float32):
    save_file({key: value.contiguous().to(dtype if value.is_floating_point() else value.dtype) for key, value in tensors.items()}, path)
    print(path, os.path.getsize(path))


def tokenizer(path):
    """Trained on a few lines, put together as Llama 3's is."""
    made = Tokenizer(models.BPE(ignore_merges=True))
    split = pre_tokenizers.Split(Regex(PIECES), "isolated", False)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    made.decoder = decoders.ByteLevel()
    made.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    # a word that no merges lead to: Llama 3 takes such a word whole
    file = json.loads(made.to_str())
    file["model"]["vocab"]["\u0120Balloon"] = len(file["model"]["vocab"])
    made = Tokenizer.from_str(json.dumps(file))
    made.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in (START, END, "<|finetune_right_pad_id|>")])
    start = made.token_to_id(START)
    template = processors.TemplateProcessing(single=f"{START} $A", pair=f"{START} $A {START} $B", special_tokens=[(START, start)])
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        json.dump(json.loads(made.to_str()), out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")
    return made


def text_fixtures(root):
    made = tokenizer(f"{root}/tokenizer/tokenizer.json")
    rows = [[text, made.encode(text).ids] for text in TEXTS]
    with open(f"{root}/tokens.json", "w") as out:
        json.dump(rows, out, separators=(",", ":"))
        out.write("\n")
    start, end = made.token_to_id(START), made.token_to_id(END)
    rope = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64, rope_type="llama3")
    config = LlamaConfig(
        vocab_size=made.get_vocab_size(), hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4, head_dim=8,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=100.0, rope_scaling=rope, max_position_embeddings=256, tie_word_embeddings=True,
        bos_token_id=start, eos_token_id=end, attn_implementation="eager",
    )
    model = drawn(LlamaForCausalLM(config))
    made.enable_truncation(LENGTH)
    made.enable_padding(length=LENGTH, pad_id=end, pad_token=END)
    batch = [made.encode(TEXTS[2]), made.encode(TEXTS[7]), made.encode("")]
    ids, seen = torch.tensor([one.ids for one in batch]), torch.tensor([one.attention_mask for one in batch])
    with torch.no_grad():
        features = model(ids, attention_mask=seen, output_hidden_states=True)["hidden_states"][-1]
    os.makedirs(f"{root}/text_encoder", exist_ok=True)
    state = {key: value for key, value in model.state_dict().items() if key != "lm_head.weight"}
    write(state, f"{root}/text_encoder/model.safetensors", torch.bfloat16)
    plain(config.to_diff_dict(), f"{root}/text_encoder/config.json")
    write({"ids": ids.int(), "seen": seen.int(), "features": features}, f"{root}/text.safetensors")
    return features


SIZES = dict(in_channels=2, out_channels=2, num_attention_heads=2, attention_head_dim=8, caption_channels=16, caption_projection_dim=16)


def shortened(**config):
    """Without 15 of the 16 middle blocks: a multiple of 3, so that the others keep their regions."""
    model = EMMDiTTransformer(**SIZES, **config)
    model.block_groups[1] = model.block_groups[1][:1]
    return model.eval()


def denoiser_fixtures(root, features):
    model = drawn(shortened(sample_size=16, pos_embed_max_size=36))
    table = model.pos_embed.pos_embed
    model.pos_embed.pos_embed = (torch.randn_like(table) * 0.3).bfloat16().float()
    whole = shortened(sample_size=32, use_sub_attn=False, pos_embed_max_size=36)
    whole.load_state_dict(model.state_dict())
    x, coarse = torch.randn(2, 2, 16, 16), torch.randn(1, 2, 32, 32)
    time = torch.tensor([1000.0, 334.0])
    golden = {"x": x, "time": time, "context": features, "coarse": coarse}
    with torch.no_grad():
        golden["velocity"] = model(x, features[:2], time).sample
        golden["whole"] = whole(coarse, features[:1], time[:1]).sample
        golden |= trajectories(model, x[:1], features)
    write(model.state_dict(), f"{root}/Nitro-E-512px-dist.safetensors", torch.bfloat16)
    write(golden, f"{root}/denoiser.safetensors")
    return golden["steps.4"]


def trajectories(model, noise, features):
    """Latents at the end of 4 steps without guidance, and of 3 with a guidance of 4.5 against the text ""."""
    found = {}
    for steps, guidance in ((4, 0), (3, 4.5)):
        scheduler = FlowMatchEulerDiscreteScheduler(1000)
        scheduler.set_timesteps(steps)
        x = noise
        for t in scheduler.timesteps:
            v = model(x, features[:1], t[None]).sample
            if guidance:
                without = model(x, features[2:], t[None]).sample
                v = without + guidance * (v - without)
            x = scheduler.step(v, t, x, return_dict=False)[0]
        found[f"steps.{steps}"] = x
        found[f"times.{steps}"] = torch.tensor([*scheduler.sigmas])
    return found


def decoder_fixtures(root):
    """TAESANA's decoder as its author builds it, narrower: the same layers in the same order."""
    widths = [6, 4, 4, 4, 4, 4]
    layers = [taesd.Clamp(), taesd.conv(2, widths[0]), torch.nn.ReLU()]
    for i, width in enumerate(widths):
        last = i == len(widths) - 1
        layers += [taesd.Block(width, width) for _ in range(1 if last else 3)]
        layers += [taesd.conv(width, 3)] if last else [torch.nn.Upsample(scale_factor=2), taesd.conv(width, widths[i + 1], bias=False)]
    model = drawn(torch.nn.Sequential(*layers), 0.2)
    real = [type(layer).__name__ for layer in taesd.F32Decoder()]
    assert [type(layer).__name__ for layer in model] == real, real
    latent = torch.randn(1, 2, 1, 2) * 2
    with torch.no_grad():
        image = model(latent)
    torch.save(model.state_dict(), f"{root}/taesana_decoder.pth")
    write({"latent": latent, "image": image}, f"{root}/decoder.safetensors")


if __name__ == "__main__":
    root = sys.argv[3]
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    denoiser_fixtures(root, text_fixtures(root))
    decoder_fixtures(root)
