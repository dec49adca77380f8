"""Draws the training data in the background with the drawing kit (kit.ts, draw.ts), on CPU cores, and reads what it has drawn."""
import glob
import io
import json
import lzma
import os
import re
import subprocess
import tarfile
import zlib
from multiprocessing.pool import ThreadPool

import torch

from data import parse_safetensors


def png_of(webp):
    """WebP as PNG, by whichever library is here."""
    try:
        from PIL import Image
        out = io.BytesIO()
        Image.open(io.BytesIO(webp)).save(out, 'png', compress_level=1)
        return out.getvalue()
    except ImportError:
        import cv2
        import numpy
        return cv2.imencode('.png', cv2.imdecode(numpy.frombuffer(webp, numpy.uint8), cv2.IMREAD_UNCHANGED), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def unpack(bundle, work):
    """The kit, ready to run; once."""
    kit = os.path.join(work, 'kit')
    if os.path.exists(os.path.join(kit, 'ready')):
        return kit
    with tarfile.open(os.path.join(bundle, 'kit.tar.xz')) as packed:
        packed.extractall(kit)
    with lzma.open(os.path.join(bundle, 'node.xz')) as packed, open(os.path.join(kit, 'node'), 'wb') as node:
        node.write(packed.read())
    os.chmod(os.path.join(kit, 'node'), 0o755)

    def convert(path):  # the kit's own decoder only hands on
        with open(path, 'rb') as file:
            picture = file.read()
        if picture[:4] == b'RIFF':
            png = png_of(picture)
            with open(path, 'wb') as file:
                file.write(png)

    try:
        with ThreadPool(8) as pool:
            pool.map(convert, glob.glob(os.path.join(kit, 'node_modules/*/*/assets/*.webp')))
    except ImportError:
        print('neither PIL nor cv2 here: pictures in the 3D style are left out', flush=True)
    open(os.path.join(kit, 'ready'), 'w').close()
    return kit


class Drawing:
    """The workers. They outlive this process, and are started again where they died before they were done."""

    def __init__(self, bundle, work):
        self.work, self.folder = work, os.path.join(work, 'data')
        with open(os.path.join(bundle, 'settings.json')) as file:
            self.settings = json.load(file)
        os.makedirs(self.folder, exist_ok=True)
        self.own = {}
        if not self.done():
            self.start(bundle)

    def mark(self, worker):
        return os.path.join(self.folder, f'done-{worker}')

    def done(self):
        return all(os.path.exists(self.mark(i)) for i in range(self.settings['workers']))

    def alive(self, worker):
        if worker in self.own:
            return self.own[worker].poll() is None
        try:
            with open(os.path.join(self.folder, f'pid-{worker}')) as file:
                pid = int(file.read())
            with open(f'/proc/{pid}/cmdline') as file:
                return 'draw.js' in file.read()
        except (OSError, ValueError):
            return False

    def start(self, bundle):
        kit = unpack(bundle, self.work)
        log = open(os.path.join(self.work, 'drawing.log'), 'a')
        for i in range(self.settings['workers']):
            if os.path.exists(self.mark(i)) or self.alive(i):
                continue
            command = f'nice -n 5 "{kit}/node" "{kit}/draw.js" "{os.path.abspath(bundle)}/settings.json" "{self.folder}" {i} && touch "{self.mark(i)}"'
            self.own[i] = subprocess.Popen(command, shell=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, env={'PATH': os.environ.get('PATH', '')})
            with open(os.path.join(self.folder, f'pid-{i}'), 'w') as file:
                file.write(str(self.own[i].pid))

    def running(self):
        return not self.done() and any(self.alive(i) for i in range(self.settings['workers']))

    def files(self, name):
        """Files of a set, and how many pictures they hold at most."""
        paths = sorted(glob.glob(os.path.join(self.folder, name, '*.z')))
        return paths, sum(int(re.search(r'-(\d+)\.z$', p).group(1)) for p in paths)

    def wanted(self, name):
        return next(s['count'] for s in self.settings['sets'] if s['name'] == name)


def read(path):
    """A file of draw.ts: tensors by key."""
    with open(path, 'rb') as file:
        return parse_safetensors(bytearray(zlib.decompress(file.read(), -15)))[0]


def reading(paths, threads=12):
    """Files one after the other, read and inflated ahead by several threads."""
    with ThreadPool(threads) as pool:
        ahead = []
        for path in paths:
            ahead.append(pool.apply_async(read, (path,)))
            if len(ahead) >= 2 * threads:
                yield ahead.pop(0).get()
        for waiting in ahead:
            yield waiting.get()


def columns(paths, keys, home):
    """Rows of all files by key, on a device. All pictures have one shape."""
    total = sum(int(re.search(r'-(\d+)\.z$', p).group(1)) for p in paths)
    joined, at = {}, 0
    for tensors in reading(paths):
        n = len(tensors['image'])
        for key in keys:
            if key not in joined:
                joined[key] = torch.empty([total, *tensors[key].shape[1:]], dtype=tensors[key].dtype, device=home)
            joined[key][at:at + n] = tensors[key]
        at += n
    return {key: t[:at] for key, t in joined.items()}
