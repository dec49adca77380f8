"""Seconds of a Stable Diffusion of full size with random weights in PyTorch or OpenVINO: its text encoder, one step, the tiny decoder.

    python speed.py FOLDER THREADS torch|openvino

FOLDER is one that bench/open-weights.ts wrote; only its settings are read. Prints one JSON object: least wall and processor seconds of two
warm runs of each network, and the most memory of the process in bytes (OpenVINO's with PyTorch, which it is converted from).
"""
import json
import resource
import sys
import time

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

folder, threads, engine = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
torch.set_grad_enabled(False)


def settings(part):
    with open(f"{folder}/{part}/config.json") as file:
        return json.load(file)


class Plain(torch.nn.Module):
    """A network of which one tensor is wanted."""

    def __init__(self, network, call):
        super().__init__()
        self.network, self.call = network, call

    def forward(self, *given):
        return self.call(self.network, *given)


unet = UNet2DConditionModel.from_config(settings("unet")).eval()
text = CLIPTextModel(CLIPTextConfig(**{"vocab_size": 49408, "max_position_embeddings": 77, **settings("text_encoder")})).eval()
ids = torch.randint(0, 49000, (1, 77))
latent = torch.randn(1, 4, 64, 64)
context = torch.randn(1, 77, unet.config.cross_attention_dim)
stages = {
    "text": (Plain(text, lambda network, x: network(x, return_dict=False)[0]), (ids,)),
    "step": (Plain(unet, lambda network, *x: network(*x, return_dict=False)[0]), (latent, torch.tensor([999]), context)),
    "pixels": (Plain(AutoencoderTiny().eval(), lambda network, x: network.decode(x, return_dict=False)[0]), (latent,)),
}


def compiled(network, given):
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads})
    request = core.compile_model(openvino.convert_model(network, example_input=given), "CPU").create_infer_request()
    numbers = [x.numpy() for x in given]
    return lambda: request.infer(numbers)


def least(work):
    work()
    found = []
    for _ in range(2):
        wall, processor = time.time(), time.process_time()
        work()
        found.append((time.time() - wall, time.process_time() - processor))
    return min(found)


seconds = {}
for name, (network, given) in stages.items():
    seconds[name] = least(compiled(network, given) if engine == "openvino" else lambda: network(*given))
print(json.dumps({"engine": engine, "seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
