"""Sample sheets: prompts drawn with the weights so far by the same graphs that the SDK runs, as PNG files. No library for pictures."""
import struct
import zlib

import torch


def write_png(path, pixels):
    """(H, W, 3) uint8."""
    H, W, _ = pixels.shape
    lines = torch.cat([torch.zeros(H, 1, dtype=torch.uint8), pixels.reshape(H, W * 3)], 1).numpy().tobytes()
    chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    with open(path, 'wb') as file:
        file.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', W, H, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(lines, 6)) + chunk(b'IEND', b''))


def over_white(x):
    """Premultiplied RGBA around [-1, 1] to uint8 RGB."""
    p = ((x.float() + 1) / 2).clamp(0, 1)
    return ((p[..., :3] + 1 - p[..., 3:]).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def sheet(path, pictures, columns=8):
    """Pictures (n, H, W, 3) in rows with a gap."""
    n, H, W, _ = pictures.shape
    rows, gap = -(-n // columns), 4
    page = torch.full([rows * (H + gap) + gap, columns * (W + gap) + gap, 3], 208, dtype=torch.uint8)
    for i, picture in enumerate(pictures):
        y, x = gap + (i // columns) * (H + gap), gap + (i % columns) * (W + gap)
        page[y:y + H, x:x + W] = picture
    write_png(path, page)


class Sampler:
    """Draws with graphs and weights. `programs`: condition, denoise, decode, render, encode."""

    def __init__(self, bundle, programs, tables, device):
        self.bundle, self.programs, self.tables, self.device = bundle, programs, tables, device
        self.side = bundle['size'] // bundle['token']

    def rotary(self, h, w):
        return {f'rotary.{k}': self.tables[f'encode.{h}x{w}.{k}'] for k in ('cosine', 'sine')}

    def pixels(self, latent, weights):
        """(n, L, C) of the square grid to uint8 RGB (n, H, W, 3), a few at a time."""
        parts = []
        for part in latent.float().split(8):
            n = len(part)
            features = self.programs['decode'].run({**weights, 'latent': part.reshape(n, self.side, self.side, -1), **self.rotary(self.side, self.side)})['features']
            tables = {k[7:]: t.expand(n, *t.shape[1:]) for k, t in self.tables.items() if k.startswith('render.')}
            parts.append(over_white(self.programs['render'].run({**weights, **tables, 'features': features.float()})['pixels']))
        return torch.cat(parts)

    def condition(self, name, weights):
        feeds = {k[len(name) + 1:]: t for k, t in self.tables.items() if k.startswith(name + '.')}
        cache = self.programs['condition'].run({**weights, **feeds})
        mask = feeds['text.mask']
        bias = torch.cat([(mask - 1) * 1e4, torch.zeros(len(mask), self.side**2, device=self.device)], 1)
        return {**cache, 'bias': bias[:, None, None], 'rotary.cosine': self.tables['denoise.cosine'], 'rotary.sine': self.tables['denoise.sine']}

    def prompts(self, weights, steps, guidance, teacher, seed=0):
        """Latents of the bundle's prompts: by Euler's method with guidance (a teacher), or by consistency sampling."""
        count = len(self.tables['prompts.text.ids'])
        draw = torch.Generator().manual_seed(seed)
        noise = lambda: torch.randn(count, self.side**2, self.bundle['channels'], generator=draw).to(self.device)
        seen, empty = self.condition('prompts', weights), self.condition('empty', weights) if teacher else None
        number = lambda value: torch.full([count], float(value), device=self.device)
        see = lambda condition, x, t, g: self.programs['denoise'].run({**weights, **condition, 'x': x, 't': number(t), 'guidance': number(g)})['velocity'].float()
        x = noise()
        for i in range(steps):
            t, then = 1 - i / steps, 1 - (i + 1) / steps
            if teacher:
                unguided = see(empty, x, t, 0)
                x = x + (then - t) * (unguided + guidance * (see(seen, x, t, 0) - unguided))
            else:
                image = x - t * see(seen, x, t, guidance)
                x = (1 - then) * image + then * noise() if then > 0 else image
        return x

    def rebuilt(self, encoder, pictures, weights):
        """Pictures beside what the autoencoder makes of them, at the sheet's size, and the mean PSNR in dB."""
        side = self.tables['render.rows'].shape[1]
        x = pictures.to(self.device).float() / 127.5 - 1
        n, H, W, _ = x.shape
        truth = over_white(torch.nn.functional.interpolate(x.permute(0, 3, 1, 2), (side, side), mode='area').permute(0, 2, 3, 1))
        drawn = self.pixels(encoder(pictures), weights)
        error = (truth.float() - drawn.float()).square().mean((1, 2, 3)).clamp(min=1e-3)
        return torch.stack([truth, drawn], 1).reshape(2 * n, side, side, 3), float((10 * torch.log10(255**2 / error)).mean())
