"""Turns drawn pictures into rows of latents that the transformer's stages read, with the autoencoder as it was trained.

  small     squares at half their size: latent (N, l, C), grid (0), ids, count
  large     every shape: latent (N, L, C), idle tokens zero; grid: which of the bundle's grids
  subjects  the pictures that have reference subjects: also reference (N, S, C), room for each slot, and present (N, 5)
"""
import torch

import drawing
from data import read_safetensors


class Encoder:
    def __init__(self, bundle, program, weights, tables, device):
        self.token, self.program, self.weights, self.tables, self.device = bundle['token'], program, weights, tables, device

    def __call__(self, pictures, halved=False):
        """uint8 (n, H, W, 4) to latents (n, h * w, C) float16."""
        parts = []
        for i in range(0, len(pictures), 128):
            x = pictures[i:i + 128].to(self.device).float()
            n, H, W, _ = x.shape
            if halved:
                H, W = H // 2, W // 2
                x = x.reshape(n, H, 2, W, 2, 4).mean((2, 4)).round()
            h, w = H // self.token, W // self.token
            feeds = {'image': (x / 127.5 - 1).reshape(n, h, self.token, w, self.token, 4)}
            feeds.update((f'rotary.{k}', self.tables[f'encode.{h}x{w}.{k}']) for k in ('cosine', 'sine'))
            parts.append(self.program.run({**self.weights, **feeds})['latent'].float().half())
        return torch.cat(parts)


def encode(bundle, encoder, files, log):
    """Rows by name, from the files of draw.ts."""
    grids = [tuple(g) for g in bundle['grids']]
    token, slots, channels = bundle['token'], bundle['subjects'], bundle['channels']
    room, each = max(h * w for h, w in grids), (bundle['reference'] // token) ** 2
    rows = {'small': [], 'large': [], 'subjects': []}
    count = 0
    for tensors in drawing.reading(files):
        image = tensors['image']
        h, w = image.shape[1] // token, image.shape[2] // token
        latent = torch.zeros(len(image), room, channels, dtype=torch.half, device=encoder.device)
        latent[:, :h * w] = encoder(image)
        plain = {'latent': latent.cpu(), 'grid': torch.full([len(image)], grids.index((h, w))), 'ids': tensors['ids'], 'count': tensors['count']}
        subjects = tensors['subjects']
        referenced = (subjects >= 0).any(1)
        rows['large'].append({k: t[~referenced] for k, t in plain.items()})
        if (h, w) == grids[0] and h % 2 == 0:
            small = {**plain, 'latent': encoder(image, True).cpu(), 'grid': torch.zeros(len(image), dtype=torch.int64)}
            rows['small'].append({k: t[~referenced] for k, t in small.items()})
        if referenced.any():
            known, asked = encoder(tensors['reference']).cpu(), subjects[referenced]
            present = asked >= 0
            tokens = known[asked.clamp(min=0).long()] * present[:, :, None, None]  # (n, 5, l, C)
            rows['subjects'].append({**{k: t[referenced] for k, t in plain.items()}, 'reference': tokens.reshape(len(asked), slots * each, channels), 'present': present.to(torch.uint8)})
        count += len(image)
        if count % 8192 < len(image):
            log(f'encoded {count} pictures')
    return {name: {k: torch.cat([p[k] for p in parts]) for k in parts[0]} for name, parts in rows.items() if parts}


def read_rows(path, home):
    return {k: t.to(home) for k, t in read_safetensors(path)[0].items()}
