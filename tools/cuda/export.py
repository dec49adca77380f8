"""Weights as the model's file will have them - matrices in blocks of 8 or 4 bits, the rest float16 - cut into parts that can be
fetched one by one; fetch.ts puts them together. The rounding is that of src/quant/blocks.ts, number for number."""
import hashlib
import json
import os

import torch

from data import write_safetensors

BLOCK = 128
PART = 15 * 2**20  # bytes of a part


def quantize(weight, bits):
    """Matrix (in, out) to whole numbers and float16 scales (ceil(in / 128), out): the largest of a block is the lowest number."""
    rows, columns = weight.shape
    count = -(-rows // BLOCK)
    blocks = torch.cat([weight.float(), weight.new_zeros(count * BLOCK - rows, columns)]).reshape(count, BLOCK, columns)
    levels = 2 ** (bits - 1)
    high, low = blocks.amax(1).clamp(min=0), blocks.amin(1).clamp(max=0)
    scales = (torch.where(high >= -low, high, low) / -levels).half()
    factors = torch.where(scales == 0, torch.ones_like(scales), scales).float()
    values = torch.round(blocks / factors[:, None]).clamp(-levels, levels - 1)
    return values.reshape(-1, columns)[:rows].to(torch.int8), scales


def rounded(weights, bits):
    """The weights that the file stands for."""
    result = dict(weights)
    for path, b in bits.items():
        values, scales = quantize(weights[path], b)
        result[path] = values.float() * scales.float().repeat_interleave(BLOCK, 0)[:len(values)]
    return result


def export(weights, bits, path, metadata):
    """Writes the file, and its parts beside it; returns their names and what proves them whole."""
    tensors, shapes = {}, {}
    for name, t in weights.items():
        if name not in bits:
            tensors[name] = t.half()
            continue
        values, scales = quantize(t.cpu(), bits[name])
        tensors[name + '.scale'] = scales
        if bits[name] <= 4:  # two in a byte, the low half first
            flat = values.reshape(-1).to(torch.uint8) & 15
            flat = torch.cat([flat, flat.new_zeros(flat.numel() % 2)])
            shapes[name], tensors[name] = list(values.shape), flat[0::2] | (flat[1::2] << 4)
        else:
            tensors[name] = values
    write_safetensors(path, tensors, {**metadata, 'bits': json.dumps(bits), 'shapes': json.dumps(shapes)})
    with open(path, 'rb') as file:
        data = file.read()
    count = max(1, -(-len(data) // PART))
    parts = [f'{os.path.basename(path)}.{i:02d}-of-{count:02d}' for i in range(count)]
    for i, part in enumerate(parts):
        with open(os.path.join(os.path.dirname(path), part), 'wb') as file:
            file.write(data[i * PART:(i + 1) * PART])
    return {'parts': parts, 'bytes': len(data), 'sha256': hashlib.sha256(data).hexdigest()}
